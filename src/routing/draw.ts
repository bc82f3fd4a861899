/**
 * Where a line stands in the draw for one call: the same for the same call and line, evenly spread in [0, 1) over
 * calls, and of one line independent of the others. A line with share s takes the calls that stand below s, so that
 * a growing share keeps the calls that it had.
 */
export function draw(seed: string, lineId: number): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < seed.length; at++) hash = Math.imul(hash ^ seed.charCodeAt(at), 0x01000193);
  return (mix(mix(hash) ^ Math.imul(lineId, 0x9e3779b1)) >>> 0) / 2 ** 32;
}

/** The last step of MurmurHash3: each bit that goes in changes half of those that come out. */
function mix(bits: number): number {
  let hash = bits ^ (bits >>> 16);
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
