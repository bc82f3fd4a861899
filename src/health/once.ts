/** True the first time that a key is asked for, among the last so many: half of them are forgotten at a time. */
export function createOnce(keptMax: number): { is(key: string): boolean } {
  let young = new Set<string>();
  let old = new Set<string>();
  return {
    is(key) {
      if (young.has(key) || old.has(key)) return false;
      young.add(key);
      if (young.size >= keptMax / 2) {
        old = young;
        young = new Set();
      }
      return true;
    },
  };
}
