import parsePhoneNumber from "libphonenumber-js/max";
import type { PhoneNumber } from "../../channels/contract.ts";

const inspect = Symbol.for("nodejs.util.inspect.custom");
const separators = /[\s\-().（）－]/g;
/** Service numbers, extensions and local numbers have at most this many digits and no E.164 form. */
const localDigitsMax = 8;
/** 95xxx and 96xxx, with whatever the company behind them appends. */
const serviceNumber = /^9[56]\d{3,10}$/;

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
  // Mobile prefixes are opened faster than the library's tables follow: the form alone decides.
  const mobile = /^(?:\+?86)?(1[3-9]\d{9})$/.exec(dialed)?.[1];
  if (mobile !== undefined) return new Phone(`+86${mobile}`, mobile);
  if (serviceNumber.test(dialed)) return new Phone(dialed, dialed);
  const parsed = parsePhoneNumber(dialed, "CN");
  if (parsed?.isValid()) {
    // A landline's trunk 0 belongs to its national form; numbers abroad keep their country code.
    const inChina = parsed.countryCallingCode === "86";
    const national = inChina ? parsed.formatNational().replace(/\D/g, "") : parsed.number.slice(1);
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
