const letters = "0123456789abcdefghijklmnopqrstuvwxyz";
const beijingOffsetMs = 8 * 3_600_000;
const dayMs = 86_400_000;

export const callIdPattern = /^call_[a-z0-9_]{1,59}$/;

/** `length` characters of a-z0-9 from a source of random bytes. */
export function randomLetters(length: number, randomBytes: (size: number) => Uint8Array): string {
  let out = "";
  while (out.length < length) {
    for (const byte of randomBytes(length * 2)) {
      // 252 = 7 × 36: bytes above it would favour the first letters.
      if (byte < 252 && out.length < length) out += letters[byte % 36];
    }
  }
  return out;
}

/** `call_<Beijing date>_<16>`; the first six of the 16 are the millisecond of the day, so that inserts stay local. */
export function newCallId(now: Date, randomBytes: (size: number) => Uint8Array): string {
  const beijing = now.getTime() + beijingOffsetMs;
  const date = new Date(beijing).toISOString().slice(0, 10).replaceAll("-", "");
  const timeOfDay = (beijing % dayMs).toString(36).padStart(6, "0");
  return `call_${date}_${timeOfDay}${randomLetters(10, randomBytes)}`;
}
