// Other versions of Express, for which the types of the one that is installed do.
declare module 'express-4' {
  export { default } from 'express';
}
declare module 'express-5-1' {
  export { default } from 'express';
}
