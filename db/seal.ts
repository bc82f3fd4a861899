import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from "node:crypto";

const version = "1";
const ivBytes = 12;
const tagBytes = 16;
const tenantsKept = 10_000;

/** Seals what must not be read at rest, and makes the keyed hashes by which it is found again. Keys are per tenant. */
export interface Seal {
  /** AES-256-GCM, as text. */
  text(tenant: string, plain: string): string;
  open(tenant: string, sealed: string): string;
  bytes(tenant: string, plain: Uint8Array): string;
  openBytes(tenant: string, sealed: string): Buffer;
  /** A keyed hash, equal for equal text within a tenant and a purpose. */
  index(tenant: string, purpose: string, text: string): string;
}

interface Keys {
  seal: Buffer;
  index: Buffer;
}

/** `master`: 32 bytes. */
export function createSeal(master: Uint8Array): Seal {
  if (master.length !== 32) throw new Error("the secret key must have 32 bytes");
  const byTenant = new Map<string, Keys>();

  function keysOf(tenant: string): Keys {
    const known = byTenant.get(tenant);
    if (known !== undefined) return known;
    const derive = (use: string): Buffer => Buffer.from(hkdfSync("sha256", master, tenant, `hualu ${use}`, 32));
    const keys = { seal: derive("seal"), index: derive("index") };
    if (byTenant.size >= tenantsKept) byTenant.clear();
    byTenant.set(tenant, keys);
    return keys;
  }

  function bytes(tenant: string, plain: Uint8Array): string {
    const iv = randomBytes(ivBytes);
    const cipher = createCipheriv("aes-256-gcm", keysOf(tenant).seal, iv);
    const sealed = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return version + sealed.toString("base64");
  }

  function openBytes(tenant: string, sealed: string): Buffer {
    if (!sealed.startsWith(version)) throw new Error("sealed in a form that this version does not know");
    const raw = Buffer.from(sealed.slice(version.length), "base64");
    const decipher = createDecipheriv("aes-256-gcm", keysOf(tenant).seal, raw.subarray(0, ivBytes));
    decipher.setAuthTag(raw.subarray(raw.length - tagBytes));
    return Buffer.concat([decipher.update(raw.subarray(ivBytes, raw.length - tagBytes)), decipher.final()]);
  }

  return {
    bytes,
    openBytes,
    text: (tenant, plain) => bytes(tenant, Buffer.from(plain, "utf8")),
    open: (tenant, sealed) => openBytes(tenant, sealed).toString("utf8"),
    index: (tenant, purpose, text) =>
      createHmac("sha256", keysOf(tenant).index).update(`${purpose}\n${text}`).digest("base64url").slice(0, 32),
  };
}
