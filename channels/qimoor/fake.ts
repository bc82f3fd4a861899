/** The far side of the `qimoor` channel: 容联七陌 on a socket, with its rules, its payloads and scripted calls. */
import { notFound } from "../kit/far/answer.ts";
import { silentWav } from "../kit/far/recording.ts";
import { type FarSide, type FarSideOptions, openFarSide } from "../kit/far/side.ts";
import type { FarCall } from "./far/call.ts";
import { openCalls } from "./far/calls.ts";
import { type Account, openDoor } from "./far/door.ts";
import { openOperations, refused } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";

export interface QimoorProviderOptions extends FarSideOptions {
  /** Which of a call's times the list of records is cut by. */
  cutBy?: "start" | "end";
  /** Whether records say which request they are of. */
  recordsCarryActionId?: boolean;
}

export interface QimoorProvider extends FarSide<FarCall, Script> {
  addAccount(accountId: string, account: Account): void;
}

const recordingPath = /^\/monitor\/([\w-]+)\.wav$/;

export async function startQimoorProvider(options: QimoorProviderOptions = {}): Promise<QimoorProvider> {
  const far = await openFarSide<FarCall, Script>(options);
  const accounts = new Map<string, Account>();
  const news = openPusher(far, ({ account }) => accounts.get(account)?.notifyUrl ?? null);
  const { cutBy = "start", recordsCarryActionId = false } = options;
  const operations = openOperations(far, openCalls(far, news), { cutBy, recordsCarryActionId });
  const door = openDoor(accounts, far.now);

  far.serve((asked) => {
    const [, recorded = ""] = recordingPath.exec(asked.url.pathname) ?? [];
    if (far.calls.get(recorded)?.begin != null) return { status: 200, type: "audio/wav", body: silentWav() };
    const admitted = door.admit(asked);
    if (admitted === null) return notFound;
    const { account, operation: path } = admitted;
    if (path === null) {
      far.count("unauthorized");
      return refused(403);
    }
    far.count(path.slice(path.lastIndexOf("/") + 1));
    return operations.get(path)?.(account, asked.body) ?? notFound;
  });

  return Object.assign(far.side, {
    addAccount: (accountId: string, account: Account) => void accounts.set(accountId, account),
  });
}
