CREATE TABLE todo (
  id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  title text NOT NULL,
  is_done boolean NOT NULL DEFAULT false
);
