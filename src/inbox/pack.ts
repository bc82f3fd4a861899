import type { RawDelivery } from "../../channels/contract.ts";

/** A delivery's body and what stands beside it, as one run of bytes to be sealed: length of `about`, `about`, body. */
export function packDelivery(delivery: RawDelivery): Buffer {
  const about = Buffer.from(JSON.stringify(delivery.about ?? {}), "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32BE(about.length);
  return Buffer.concat([length, about, delivery.body]);
}

export function unpackDelivery(kind: string, packed: Buffer): RawDelivery {
  const end = 4 + packed.readUInt32BE(0);
  const about: Record<string, string> = JSON.parse(packed.subarray(4, end).toString("utf8"));
  return { kind, about, body: packed.subarray(end) };
}
