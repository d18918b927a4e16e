-- What an instrumented client sends: the context, then the write, in one transaction.
BEGIN;
SELECT pg_logical_emit_message(true, 'colophon', '{"user": 42, "endpoint": "POST /todos"}');
INSERT INTO todo (title) VALUES ('Try Colophon');
COMMIT;
