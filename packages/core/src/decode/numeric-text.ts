const PARTS = /^(-?)0*(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** A JSON number as `numeric` prints it: without exponent, with the digits behind the point that it was written with. */
export function numericText(number: string): string {
  const parts = PARTS.exec(number);
  if (parts === null) return number;
  const [, sign, whole = '', fraction = '', exponentText = '0'] = parts;
  const exponent = Number(exponentText);
  const digits = whole + fraction;
  const scale = Math.max(0, fraction.length - exponent);
  const pointAt = whole.length + exponent;
  let integer = digits.slice(0, Math.max(0, pointAt)).padEnd(Math.max(0, pointAt), '0');
  integer = integer.replace(/^0+/, '') || '0';
  const behind =
    pointAt < 0 ? ('0'.repeat(-pointAt) + digits).slice(0, scale) : digits.slice(pointAt).slice(0, scale);
  const text = scale === 0 ? integer : `${integer}.${behind.padEnd(scale, '0')}`;
  return sign === '-' && /[1-9]/.test(text) ? `-${text}` : text;
}
