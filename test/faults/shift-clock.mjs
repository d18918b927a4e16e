// Preloaded by `node --import`: SIGUSR2 moves this process's clock, by a day forward, two back, three forward, and so on.
const DAY_MS = 86_400_000;
const RealDate = Date;
let jumps = 0;
let shiftMs = 0;
process.on('SIGUSR2', () => {
  jumps++;
  shiftMs += jumps * DAY_MS * (jumps % 2 === 1 ? 1 : -1);
});
globalThis.Date = class ShiftedDate extends RealDate {
  constructor(...values) {
    if (values.length === 0) super(RealDate.now() + shiftMs);
    else super(...values);
  }
  static now() {
    return RealDate.now() + shiftMs;
  }
};
