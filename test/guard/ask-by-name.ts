/** Asks a server on loopback by names that all resolve to it; tells what came of each. Arguments: its port, names. */
import { systemClock } from "../../src/clock.ts";
import { forgetProxies } from "../../src/config.ts";
import { readNetwork } from "../../src/guard/addresses.ts";
import { GuardError } from "../../src/guard/error.ts";
import { createGuard } from "../../src/guard/guard.ts";

forgetProxies(process.env);
const [port = "0", ...names] = process.argv.slice(2);
const allowed = [readNetwork("127.0.0.1")];
const guard = createGuard({ clock: systemClock(), allowed, resolve: async () => ["127.0.0.1"] });
/** Of each name what was answered, or why nothing was. */
export type Told = string[];
const told: Told = [];
for (const name of names) {
  const url = `https://${name}:${port}/`;
  const outgoing = { method: "POST", url, headers: {}, body: "{}", deadlineMs: 5_000, answerBytesMax: 1_024 };
  try {
    told.push(String((await guard.send(outgoing, new AbortController().signal)).body));
  } catch (error) {
    told.push(error instanceof GuardError ? `${error.kind} ${error.code}` : String(error));
  }
}
process.stdout.write(JSON.stringify(told));
process.exit(0);
