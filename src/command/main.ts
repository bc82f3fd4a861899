/** `bun run hualu …`: what is done on the server itself, beside the running service. */
import { DatabaseError } from "../../db/sql.ts";
import { ConfigError, readConfig } from "../config.ts";
import { Refusal } from "../domain/refusal.ts";
import { keyCommand } from "./key.ts";
import { openContext } from "./open.ts";
import { tenantCommand } from "./tenant.ts";
import { say, usage, WrongUse } from "./words.ts";

const commands = { tenant: tenantCommand, key: keyCommand } as const;

async function run(args: string[]): Promise<number> {
  const [name = "help", ...rest] = args;
  if (["help", "--help", "-h"].includes(name)) {
    say(usage);
    return 0;
  }
  try {
    if (!Object.hasOwn(commands, name)) throw new WrongUse();
    const verb = commands[name as keyof typeof commands](rest);
    const { ctx, close } = await openContext(readConfig(process.env));
    try {
      await verb(ctx);
    } finally {
      await close();
    }
    return 0;
  } catch (error) {
    process.stderr.write(`${faultOf(error)}\n`);
    return error instanceof WrongUse ? 2 : 1;
  }
}

/** Our own words for every fault; what is not ours shows only its name. */
function faultOf(error: unknown): string {
  if (error instanceof WrongUse) return usage;
  if (error instanceof Refusal)
    return [error.message, ...error.fields.map(({ field, message }) => `${field}: ${message}`)].join("\n");
  if (error instanceof ConfigError || error instanceof DatabaseError) return error.message;
  // The folder's lock says in our own words who holds it.
  if (error instanceof Error && error.message.startsWith("another Hualu")) return error.message;
  return error instanceof Error ? error.name : "unknown error";
}

process.exitCode = await run(process.argv.slice(2));
