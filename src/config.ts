import { resolve } from "node:path";
import { z } from "zod";
import { type Network, readNetwork } from "./guard/addresses.ts";

const empty = (value: unknown): unknown => (value === "" ? undefined : value);
const optional = <T extends z.ZodType>(schema: T) => z.preprocess(empty, schema.optional());

/** Networks in CIDR form, parted by commas. */
const networks = z.string().transform((text, context) => {
  try {
    return text.split(",").map(readNetwork);
  } catch {
    context.addIssue({ code: "custom", message: "must list networks like 10.0.0.0/8,fd00::/8" });
    return z.NEVER;
  }
});

const environment = z.object({
  PORT: z.preprocess(empty, z.coerce.number().int().min(0).max(65_535).default(3000)),
  HOST: z.preprocess(empty, z.string().default("0.0.0.0")),
  DATABASE_URL: optional(z.url({ protocol: /^postgres(ql)?$/, error: "must be a postgres:// address" })),
  HUALU_DATA_DIR: z.preprocess(empty, z.string().default("./data")),
  HUALU_ADMIN_KEY: optional(z.string().min(24, "must have at least 24 characters")),
  HUALU_SECRET_KEY: optional(
    z.string().refine((text) => Buffer.from(text, "base64").length === 32, "must be 32 bytes in base64"),
  ),
  HUALU_ALLOW_NETWORKS: optional(networks),
  HUALU_TRUSTED_PROXIES: optional(networks),
  HUALU_PUBLIC_URL: optional(z.url({ protocol: /^https?$/, error: "must be an http:// or https:// address" })),
  LOG_LEVEL: z.preprocess(
    empty,
    z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
  ),
});

/**
 * Bun's client would send everything through a proxy that the environment names, whatever address it was told to
 * connect to. What leaves here goes where the guard has looked.
 */
export function forgetProxies(env: Record<string, string | undefined>): void {
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
    for (const spelt of [name, name.toLowerCase()]) delete env[spelt];
}

export interface Config {
  port: number;
  host: string;
  /** Null = the embedded database in the data folder. */
  databaseUrl: string | null;
  dataDir: string;
  /** Null = made once and kept in the data folder. */
  adminKey: string | null;
  secretKey: Uint8Array | null;
  /** What providers and phones reach us at; null = this machine's own address. */
  publicUrl: string | null;
  /** What is not public and may be reached all the same. */
  allowNetworks: readonly Network[];
  /** Whose word on whom a request comes from is taken. */
  trustedProxies: readonly Network[];
  logLevel: string;
}

/** A wrong setting: one line per fault, naming the variable and never its value. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads the environment, the only place that does. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const parsed = environment.safeParse(env);
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("\n"));
  }
  const { data } = parsed;
  return {
    port: data.PORT,
    host: data.HOST,
    databaseUrl: data.DATABASE_URL ?? null,
    dataDir: resolve(data.HUALU_DATA_DIR),
    adminKey: data.HUALU_ADMIN_KEY ?? null,
    secretKey: data.HUALU_SECRET_KEY === undefined ? null : Buffer.from(data.HUALU_SECRET_KEY, "base64"),
    publicUrl: data.HUALU_PUBLIC_URL?.replace(/\/+$/, "") ?? null,
    allowNetworks: data.HUALU_ALLOW_NETWORKS ?? [],
    trustedProxies: data.HUALU_TRUSTED_PROXIES ?? [],
    logLevel: data.LOG_LEVEL,
  };
}
