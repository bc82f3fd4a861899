/** What the customer's last digit asks for: one list for whoever tries out far sides. Some have other words for it. */
export interface DigitWish {
  ending?: "a-no-answer" | "b-no-answer" | "a-busy" | "b-busy" | "b-declined";
  answer?: "refused" | "lost" | "unavailable";
  jumbled?: boolean;
}

const wishes: Record<string, DigitWish> = {
  "1": { ending: "a-no-answer" },
  "2": { ending: "b-no-answer" },
  "3": { ending: "a-busy" },
  "4": { ending: "b-busy" },
  "5": { ending: "b-declined" },
  "6": { answer: "refused" },
  "7": { answer: "lost" },
  "8": { answer: "unavailable" },
  "9": { jumbled: true },
};

export function wishOf(customer: string): DigitWish {
  return wishes[customer.slice(-1)] ?? {};
}
