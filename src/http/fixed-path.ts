import type { RawRequest, Reply } from "../../channels/contract.ts";
import type { CallContext } from "../calls/context.ts";
import { isAmong } from "../guard/addresses.ts";
import type { Accept } from "../inbox/accept.ts";
import type { Line } from "../lines/directory.ts";
import { pushSignature } from "./push-signature.ts";
import { gotIt, take } from "./take-push.ts";

interface NamedPush extends Omit<RawRequest, "body"> {
  channel: string;
  /** The sender's. */
  address: string;
  /** Its body; read once some line could prove it. */
  read(): Promise<Uint8Array>;
}

/**
 * Pushes to a path that is the same for all lines of a channel: the push has to name its account where its kind can,
 * and to be proved: by the vendor's own means, by the line's webhook secret, or by coming from where the line says.
 * Null where no line takes it.
 */
export async function receiveNamed(
  calls: CallContext,
  accept: Accept,
  { channel, address, read, ...about }: NamedPush,
): Promise<Reply | null> {
  const all = await calls.directory.ofChannel(channel);
  const definition = all[0]?.definition;
  if (definition?.legacyPaths.includes(about.kind) !== true) return null;
  const signature = pushSignature(about.headers, calls.clock.now());
  const signsItself = ({ config }: Line): boolean => definition.signsPushes?.(config) === true;
  const comesFrom = ({ webhookSenders }: Line): boolean => isAmong(address, webhookSenders);
  const maySign = (line: Line): boolean => signsItself(line) || (signature !== null && line.webhookSecret !== null);
  const provable = all.filter((line) => maySign(line) || comesFrom(line));
  if (provable.length === 0) return null;
  const request = { ...about, body: await read() };
  const names = definition.pushNames;
  const named = names?.accountIn(request);
  const meant = provable.filter(({ config }) => named === undefined || names?.accountOf(config) === named);
  const isSigned = (line: Line): boolean =>
    signsItself(line) ||
    (line.webhookSecret !== null && signature?.signedBy(line.webhookSecret, request.body) === true);
  const sent = typeof named === "string" ? meant.filter((line) => !isSigned(line) && comesFrom(line)) : [];
  const answer = await take(calls, accept, [...meant.filter(isSigned), ...ofOneTenant(sent)], request);
  return gotIt(answer) ? answer : null;
}

/** Where a push comes from tells nothing of whose it is: of two tenants that both name its account, neither gets it. */
function ofOneTenant(lines: readonly Line[]): readonly Line[] {
  return lines.every(({ tenant }) => tenant === lines[0]?.tenant) ? lines : [];
}
