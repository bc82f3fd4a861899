/** Ways in which a vendor may speak the same protocol: how it is written, what proves a request, and what a push. */
import type { Notice } from "./calls.ts";

export interface Asked {
  method: string;
  url: URL;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

export type Fields = Record<string, unknown>;

export interface Pushed {
  query: string;
  headers: Record<string, string>;
  body: string;
}

export interface Written {
  contentType: string;
  body: string;
}

export interface Dialect {
  /** The operation that an address asks for, where it is not `/v1/<operation>`. */
  nameOf?(url: URL): string | null;
  /** The answer to what is asked before anything else, such as for a token; null for everything else. */
  before?(asked: Asked, secretOf: (account: string) => string | undefined, now: number): Written | null;
  /** The account that a request names, or null where it is not its own. */
  admit(asked: Asked, fields: Fields, secretOf: (account: string) => string | undefined, now: number): string | null;
  /** null where the body is not of this form. */
  read(asked: Asked): Fields | null;
  /** Times of a notice are epoch milliseconds until they are written. */
  write(fields: Fields, call: Notice | readonly Notice[] | null): Written;
  push(notice: Notice, secret: string, now: number): Pushed;
}

export const minutesMs = 60_000;

export const isTime = (name: string): boolean => name === "time" || name.startsWith("at-");

/** Beijing has had no summer time since 1991, so a fixed eight hours do. */
export function beijingStamp(ms: number): string {
  return new Date(ms + 480 * minutesMs).toISOString().replace(/\D/g, "").slice(0, 14);
}

export function beijingTime(stamp: string): number {
  return Date.parse(stamp.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, "$1-$2-$3T$4:$5:$6+08:00"));
}

export function withTimes(notice: Notice, write: (ms: number) => string | number): Notice {
  return Object.fromEntries(
    Object.entries(notice).map(([name, value]) => [name, isTime(name) ? write(Number(value)) : value]),
  );
}
