/** The far side of the `ronglian` channel: 容联云通讯 on a socket, with its rules, its payloads and scripted calls. */
import { randomUUID } from "node:crypto";
import { notFound } from "../kit/far/answer.ts";
import { silentWav } from "../kit/far/recording.ts";
import { type FarSide, type FarSideOptions, openFarSide } from "../kit/far/side.ts";
import type { FarCall } from "./far/call.ts";
import { openCalls } from "./far/calls.ts";
import { type Account, openDoor } from "./far/door.ts";
import { openOperations, said } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";

export interface RonglianProviderOptions extends FarSideOptions {
  callbackPath?: string;
  /** Of every push. */
  format?: "xml" | "json";
  /** What a right answer to a server callback says. */
  authReply?: "0000" | "000000";
  /** At most 16 letters or digits of every call id; a far side that starts again needs another one. */
  seed?: string;
}

export interface RonglianProvider extends FarSide<FarCall, Script> {
  addAccount(sid: string, account: Account): void;
}

const recordingPath = /^\/record\/(\w+)\.wav$/;

export async function startRonglianProvider(options: RonglianProviderOptions = {}): Promise<RonglianProvider> {
  const far = await openFarSide<FarCall, Script>(options);
  const accounts = new Map<string, Account>();
  const { format = "xml", authReply = "0000", callbackPath = "Calls/Callback" } = options;
  const callbackUrlOf = ({ sid, play }: FarCall) => play.callbackUrl ?? accounts.get(sid)?.callbackUrl ?? null;
  const news = openPusher(far, { format, authReply, callbackUrlOf });
  const seed = options.seed ?? randomUUID().replaceAll("-", "").slice(0, 16);
  const operations = openOperations(far, openCalls(far, seed, news), callbackPath);
  const door = openDoor(accounts, far.now);

  far.serve((asked) => {
    const [, recorded] = recordingPath.exec(asked.url.pathname) ?? [];
    if (recorded !== undefined) {
      const isThere = far.calls.get(recorded)?.endedAt != null;
      return isThere ? { status: 200, type: "audio/wav", body: silentWav() } : notFound;
    }
    const admitted = door.admit(asked);
    if (admitted === null) return notFound;
    if ("refusal" in admitted) {
      far.count("unauthorized");
      return said({ statusCode: admitted.refusal, statusMsg: "no" });
    }
    const operation = operations.get(`${asked.method} ${admitted.operation}`);
    if (!operation) return notFound;
    far.count(admitted.operation);
    return operation({ ...admitted, body: asked.body });
  });

  return Object.assign(far.side, {
    addAccount: (sid: string, account: Account) => void accounts.set(sid, account),
  });
}
