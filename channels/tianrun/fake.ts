/** The far side of the `tianrun` channel: Clink and CTI-Cloud on one socket, with pushes, records and recordings. */
import { type Answer, json, notFound } from "../kit/far/answer.ts";
import { readFields } from "../kit/far/body.ts";
import { silentMp3 } from "../kit/far/recording.ts";
import { type FarSide, type FarSideOptions, openFarSide } from "../kit/far/side.ts";
import type { Asked } from "../kit/far/socket.ts";
import type { FarCall } from "./far/call.ts";
import { openCalls } from "./far/calls.ts";
import { openClinkOperations } from "./far/clink.ts";
import { openCticloudOperations, unknownEnterprise } from "./far/cticloud.ts";
import { openDoor } from "./far/door.ts";
import type { Script } from "./far/plan.ts";
import { openPusher, type PushSetup } from "./far/push.ts";

export interface TianrunProviderOptions extends FarSideOptions {
  /** Access key id → secret. */
  keys?: Record<string, string>;
  /** Enterprise id → token. */
  enterprises?: Record<string, string>;
  push?: Partial<PushSetup>;
  /** Requests are expected under this prefix, and with a slash behind their path. */
  clinkPaths?: { prefix: string; trailingSlash: boolean };
}

export interface TianrunProvider extends FarSide<FarCall, Script> {
  /** Where pushes of calls go that name no address of their own. */
  pushTo(url: string): void;
}

const cticloudPath = "/interface/v10";

export async function startTianrunProvider(options: TianrunProviderOptions = {}): Promise<TianrunProvider> {
  const far = await openFarSide<FarCall, Script>(options);
  const setup: PushSetup = { url: null, format: "form", names: {}, enterpriseId: "7000001", ...options.push };
  const calls = openCalls(far, openPusher(far, setup));
  const keys = new Map(Object.entries(options.keys ?? {}));
  const enterprises = new Map(Object.entries(options.enterprises ?? {}));
  const door = openDoor({ keys, enterprises, now: far.now });
  const clink = openClinkOperations(far, calls);
  const cticloud = openCticloudOperations(far, calls);
  const { prefix, trailingSlash } = options.clinkPaths ?? { prefix: "/cc/", trailingSlash: false };

  function answerCticloud(path: string, body: Buffer): Answer {
    far.count(path.slice(1));
    const form = new URLSearchParams(body.toString());
    const account = door.cticloud(form);
    if (account === null) far.count("unauthorized");
    return account === null ? unknownEnterprise : cticloud(account, path, form);
  }

  function answerClink({ method, url, headers, body }: Asked): Answer {
    const path = trailingSlash ? url.pathname.replace(/\/$/, "") : url.pathname;
    const isPath = path.startsWith(prefix) && (!trailingSlash || path !== url.pathname);
    if (!isPath) return notFound;
    const name = path.slice(prefix.length);
    far.count(name);
    const admitted = door.clink(method, String(headers.host), path, url.searchParams);
    if ("refusal" in admitted) {
      far.count("unauthorized");
      return json({ requestId: "f8b1", error: { code: admitted.refusal, message: "no" } }, 401);
    }
    return clink(admitted.account, name, url.searchParams, readFields(body) ?? {});
  }

  far.serve((asked) => {
    const { pathname } = asked.url;
    if (pathname.startsWith("/sound/")) return { status: 200, type: "audio/mpeg", body: silentMp3() };
    const isCticloud = pathname.startsWith(cticloudPath);
    return isCticloud ? answerCticloud(pathname.slice(cticloudPath.length), asked.body) : answerClink(asked);
  });

  return Object.assign(far.side, {
    pushTo(url: string) {
      setup.url = url;
    },
  });
}
