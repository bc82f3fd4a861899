/** The same server, the same route, the same check of the signature; only the database is left out. */
import { type Program, startProgram } from "./program.ts";
import { lineSecret } from "./service.ts";

export function startBareServer(webhook: string): Promise<Program> {
  return startProgram("./bare-server.ts", webhook, lineSecret);
}
