declare module 'pg-other-copy' {
  import pg from 'pg';
  export default pg;
}
