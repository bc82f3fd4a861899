/** Pushes: each type to the address with its number behind it, up to three more times. */
import type { Far } from "../../kit/far/side.ts";
import { type FarCall, type PushType, pushFields } from "./call.ts";
import type { Script, Step } from "./plan.ts";

/** What an enterprise has entered. */
export interface PushSetup {
  url: string | null;
  format: "form" | "json" | "get";
  /** Usual name → the one that was chosen. */
  names: Record<string, string>;
  enterpriseId: string;
}

const retries = 3;
const retryMs = 1_000;
/** At speed 1, how long a jumbled call holds back that A's phone rings: beyond B's. */
const heldBackMs = 2_600;
const types: Partial<Record<Step["name"], PushType>> = { "ring-a": "3", "ring-b": "22", bridge: "6", end: "8" };

export function openPusher({ pushes, timers, speed }: Far<FarCall, Script>, setup: PushSetup) {
  /** What has to be repeated holds up nothing. */
  async function send(url: string, init: RequestInit, left: number): Promise<void> {
    if ((await pushes.send(url, init))?.status === 200) return;
    if (left > 0) timers.later(retryMs / speed, () => void send(url, init, left - 1));
    else pushes.lose();
  }

  function written(url: string, fields: Record<string, string>): [string, RequestInit] {
    const form = String(new URLSearchParams(fields));
    const posted = (type: string, body: string) => ({ headers: { "content-type": type }, body });
    if (setup.format === "get") return [`${url}?${form}`, { method: "GET" }];
    if (setup.format === "json") return [url, posted("application/json", JSON.stringify(fields))];
    return [url, posted("application/x-www-form-urlencoded", form)];
  }

  return function tell(call: FarCall, name: Step["name"]): void {
    const { play, uniqueId } = call;
    const type = types[name];
    const url = play.notifyUrl ?? setup.url;
    if (type === undefined || url === null) return;
    if ((play.losesEnd && name === "end") || (play.jumbled && name === "bridge")) return;
    const told = Object.entries(pushFields(call, type, setup.enterpriseId));
    const fields = Object.fromEntries(told.map(([field, value]) => [setup.names[field] ?? field, value]));
    const [address, init] = written(`${url}/${type}`, fields);
    const afterMs = play.jumbled && name === "ring-a" ? heldBackMs / speed : 0;
    pushes.inTurn(uniqueId, () => send(address, init, retries), { copies: play.jumbled ? 2 : 1, afterMs });
  };
}
