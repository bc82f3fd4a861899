import type { LegPrice, LinePrice } from "../../db/schema/index.ts";

/**
 * How long a typical call keeps each leg, seconds. The agent's is answered first and waits while the customer's rings.
 * No whole minutes, so that billing by the second shows its worth.
 */
export const typicalSeconds = { a: 90, b: 70 } as const;

/** Prices have at most six decimals; held as whole millionths, times the seconds of a minute, they stay exact. */
const decimals = 6;
const secondsPerMinute = 60n;

/**
 * What a typical call costs on both legs, in sixtieths of a millionth of the currency's unit. A leg without a price is
 * free where the other has one; null where neither has, since nothing is known then. Rent is no price of a call.
 */
export function estimate(price: LinePrice | null): bigint | null {
  if (price === null || (price.a === undefined && price.b === undefined)) return null;
  return legCost(price.a, typicalSeconds.a) + legCost(price.b, typicalSeconds.b);
}

function legCost(price: LegPrice | undefined, seconds: number): bigint {
  return price === undefined ? 0n : millionths(price.perMinute) * BigInt(billedSeconds(price, seconds));
}

/** The first increment is paid whole, then each next one that has begun. */
function billedSeconds({ firstIncrement, nextIncrement }: LegPrice, seconds: number): number {
  const beyond = Math.max(0, seconds - firstIncrement);
  return firstIncrement + Math.ceil(beyond / nextIncrement) * nextIncrement;
}

function millionths(amount: string): bigint {
  const [whole = "0", fraction = ""] = amount.split(".");
  return BigInt(whole + fraction.padEnd(decimals, "0"));
}

/** An estimate as people read it: units of the currency, rounded half up to a ten thousandth. */
export function estimateText(cost: bigint): string {
  const unit = secondsPerMinute * 100n;
  const rounded = (cost + unit / 2n) / unit;
  const text = rounded.toString().padStart(5, "0");
  return `${text.slice(0, -4)}.${text.slice(-4)}`;
}

/** The currency in which most lines are priced; of several the first by name. Null where none is priced. */
export function usualCurrency(prices: readonly (LinePrice | null)[]): string | null {
  const uses = new Map<string, number>();
  for (const price of prices) {
    if (price !== null && estimate(price) !== null) uses.set(price.currency, (uses.get(price.currency) ?? 0) + 1);
  }
  const [most] = [...uses].sort(([one, n], [other, m]) => m - n || (one < other ? -1 : 1));
  return most?.[0] ?? null;
}
