export * from '@colophon/context/cls';
export { default } from '@colophon/context/cls';
