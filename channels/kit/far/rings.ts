import { national } from "./national.ts";

export interface Rings {
  a: number;
  b: number;
}

/** How often the legs of the calls to each customer rang, of forgotten calls too. */
export function openRings() {
  const byCustomer = new Map<string, Rings>();
  const ringsOf = (customer: string): Rings => byCustomer.get(national(customer)) ?? { a: 0, b: 0 };
  return {
    rang(customer: string, leg: "a" | "b"): void {
      const sum = ringsOf(customer);
      byCustomer.set(national(customer), { ...sum, [leg]: sum[leg] + 1 });
    },
    ringsOf,
  };
}
