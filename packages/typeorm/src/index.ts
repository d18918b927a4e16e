export { ColophonSubscriber } from './colophon-subscriber.js';
