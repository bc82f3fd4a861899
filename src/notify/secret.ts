import { createHmac } from "node:crypto";
import { z } from "zod";
import type { Context } from "../context.ts";

const prefix = "whsec_";
const secretBytes = 32;
/** After a rotation the old secret signs beside the new one for so long. */
export const overlapMs = 24 * 3_600_000;
/** So many can sign at once: the newest, and those of the last day's rotations. */
export const secretsMax = 8;

export interface Secret {
  text: string;
  /** Epoch milliseconds until which it signs; null = the newest. */
  until: number | null;
}

const stored = z.array(z.object({ text: z.string(), until: z.number().nullable() }));

export function newSecret(randomBytes: Context["randomBytes"]): string {
  return prefix + Buffer.from(randomBytes(secretBytes)).toString("base64");
}

export function sealSecrets(ctx: Context, tenant: string, secrets: readonly Secret[]): string {
  return ctx.seal.text(tenant, JSON.stringify(secrets));
}

export function openSecrets(ctx: Context, tenant: string, sealed: string): Secret[] {
  return stored.parse(JSON.parse(ctx.seal.open(tenant, sealed)));
}

/** The secrets that sign at this moment, newest first. */
export function liveSecrets(secrets: readonly Secret[], now: Date): Secret[] {
  return secrets.filter(({ until }) => until === null || until > now.getTime());
}

const keys = new WeakMap<Secret, Buffer>();

function keyOf(secret: Secret): Buffer {
  const known = keys.get(secret) ?? Buffer.from(secret.text.slice(prefix.length), "base64");
  keys.set(secret, known);
  return known;
}

/**
 * The `webhook-signature` header: one signature per secret, newest first.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function signatures(secrets: readonly Secret[], id: string, timestampSeconds: number, body: string): string {
  return secrets
    .map((secret) => {
      const hmac = createHmac("sha256", keyOf(secret));
      return `v1,${hmac.update(`${id}.${timestampSeconds}.${body}`).digest("base64")}`;
    })
    .join(" ");
}
