/** Vendors write one number in several ways: here it is the same in all of them. */
export function national(number: string): string {
  return number.replace(/^(\+86|0086|86(?=\d{10}))/, "");
}
