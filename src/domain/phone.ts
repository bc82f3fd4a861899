import parsePhoneNumber from "libphonenumber-js/min";
import type { PhoneNumber } from "../../channels/contract.ts";

const inspect = Symbol.for("nodejs.util.inspect.custom");
const separators = /[\s\-().（）－]/g;
/** Service numbers, extensions and local numbers have at most this many digits and no E.164 form. */
const localDigitsMax = 8;

class Phone implements PhoneNumber {
  readonly #full: string;
  readonly #national: string;
  readonly masked: string;

  constructor(full: string, national: string) {
    this.#full = full;
    this.#national = national;
    this.masked = mask(national);
  }
  reveal(): string {
    return this.#full;
  }
  national(): string {
    return this.#national;
  }
  toString(): string {
    return this.masked;
  }
  toJSON(): string {
    return this.masked;
  }
  [inspect](): string {
    return this.masked;
  }
}

/** At least four digits are hidden; a number of up to six is a service number or extension and shows its last one. */
function mask(national: string): string {
  if (national.length >= 11) return `${national.slice(0, 3)}****${national.slice(-4)}`;
  if (national.length >= 7) return `${national.slice(0, 2)}****${national.slice(-2)}`;
  return `****${national.slice(-1)}`;
}

/**
 * Reads a number as a person writes it (spaces, dashes, +86, 0086). One form inside: E.164; what has no such form
 * (95xxx, 10086, an extension) is kept as dialed. Null for anything that cannot be dialed.
 */
export function parsePhone(text: string): PhoneNumber | null {
  const dialed = text.trim().replace(separators, "").replace(/^00/, "+");
  if (!/^\+?[0-9]{3,15}$/.test(dialed)) return null;
  const parsed = parsePhoneNumber(dialed, "CN");
  if (parsed?.isValid()) {
    const trunk = parsed.country === "CN" && !/^(1[3-9]|400|800|95|96|1)/.test(parsed.nationalNumber) ? "0" : "";
    const national = parsed.countryCallingCode === "86" ? trunk + parsed.nationalNumber : parsed.number.slice(1);
    return new Phone(parsed.number, national);
  }
  return dialed.startsWith("+") || dialed.length > localDigitsMax ? null : new Phone(dialed, dialed);
}

/** A number that we stored ourselves: always in the one form inside. */
export function storedPhone(full: string): PhoneNumber {
  const phone = parsePhone(full);
  if (phone === null) throw new Error("a stored phone number is not one");
  return phone;
}

export function samePhone(one: PhoneNumber | null, other: PhoneNumber | null): boolean {
  return one !== null && other !== null && one.reveal() === other.reveal();
}
