/** Clink (CTI-Link v2): access keys sign the query. Facts: ti-net/clink-sdk, clink-serversdk. */
import { z } from "zod";
import type { ChannelTools } from "../contract.ts";
import { send } from "../kit/http.ts";
import { clinkError, garbled } from "./codes.ts";
import { baseOf, type TianrunConfig } from "./config.ts";
import { signedQuery } from "./sign.ts";
import { type Api, formed, parse, spanOf, word } from "./wire.ts";

const clinkFailure = z.object({ error: z.object({ code: z.union([z.string(), z.number()]).nullish() }) });
/** Every answer has a request id; an answer without one is somebody else's. */
const clinkAnswer = z.looseObject({ requestId: z.string().min(1) });
const clinkCallout = z.object({ result: z.looseObject({ requestUniqueId: z.string().nullish() }) });
const clinkList = z.object({ cdrObs: z.array(z.unknown()).nullish() });
const clinkRecording = z.object({ recordFileUrl: z.url({ protocol: /^https?$/ }) });

export function openClink(config: TianrunConfig, tools: ChannelTools): Api {
  const base = new URL(baseOf(config));
  const key = { id: config.accessKeyId ?? "", secret: config.accessKeySecret ?? "" };

  /** Resolves only on a 200 of the provider's own form. */
  async function ask<T>(
    what: { method: "GET" | "POST"; name: string; params: Record<string, string | number> },
    form: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const { method, name } = what;
    const path = `/${config.pathPrefix}${name}`;
    const isGet = method === "GET";
    const words = Object.fromEntries(Object.entries(what.params).map(([word, value]) => [word, String(value)]));
    const query = signedQuery(key, { method, host: base.host, path, params: isGet ? words : {} }, tools.now());
    const url = `${base.origin}${path}${config.trailingSlash ? "/" : ""}?${query}`;
    const headers = { "content-type": "application/json" };
    const body = isGet ? {} : { body: JSON.stringify(what.params) };
    const answer = await send(tools.fetch, { method, url, headers, ...body }, signal);
    const value = parse(answer);
    const failure = clinkFailure.safeParse(value);
    if (failure.success && answer.status >= 400) throw clinkError(answer.status, word(failure.data.error.code));
    if (answer.status !== 200 || !clinkAnswer.safeParse(value).success) throw garbled(`http-${answer.status}`);
    return formed(form, value);
  }

  return {
    async callout(call, signal) {
      const params = {
        cno: call.cno,
        customerNumber: call.customer,
        ...(call.bindTel !== null && { bindTel: call.bindTel }),
        ...(call.shown !== null && { clid: call.shown }),
        clientTimeout: call.agentSeconds,
        customerTimeout: call.customerSeconds,
        requestUniqueId: call.requestId,
        // Documented as JSON that is encoded once more.
        userField: encodeURIComponent(JSON.stringify({ request: call.userField })),
      };
      await ask({ method: "POST", name: "callout", params }, clinkCallout, signal);
    },
    async records(requestUniqueId, since, signal) {
      const params = { requestUniqueId, ...spanOf(since, tools.now()), limit: 10 };
      return (await ask({ method: "GET", name: "list_cdr_obs", params }, clinkList, signal)).cdrObs ?? [];
    },
    async agent(cno, act, signal) {
      const name = act.act === "cancel" ? "callout_cancel" : act.act;
      const to = act.act === "transfer" ? { transferType: act.isSeat ? 1 : 0, transferNumber: act.to } : {};
      await ask({ method: "POST", name, params: { cno, ...to } }, z.object({}), signal);
    },
    async recordingUrl(mainUniqueId, signal) {
      const params = { mainUniqueId };
      return (await ask({ method: "GET", name: "describe_record_file_url", params }, clinkRecording, signal))
        .recordFileUrl;
    },
  };
}
