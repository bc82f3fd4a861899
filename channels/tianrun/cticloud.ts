/** CTI-Cloud, interface v10: an id, a time and a token make the sign. */
import { z } from "zod";
import type { ChannelTools } from "../contract.ts";
import { send } from "../kit/http.ts";
import { garbled, refusalOf } from "./codes.ts";
import { baseOf, type TianrunConfig } from "./config.ts";
import { cticloudSign } from "./sign.ts";
import { type Api, formed, parse, seconds, spanOf, word } from "./wire.ts";

const cticloudAnswer = z.looseObject({
  result: z.union([z.string(), z.number()]).transform(Number),
  errorCode: z.union([z.string(), z.number()]).transform(String).nullish(),
});
const cticloudList = z.object({
  data: z.union([z.array(z.unknown()), z.looseObject({ list: z.array(z.unknown()) }), z.null()]).optional(),
});
const cticloudUrl = z.union([
  z.url({ protocol: /^https?$/ }),
  z.looseObject({ recordUrl: z.url() }).transform((one) => one.recordUrl),
]);

export function openCticloud(config: TianrunConfig, tools: ChannelTools): Api {
  const [id, token] = [config.enterpriseId ?? "", config.token ?? ""];
  const isEnterprise = config.validateType === "enterprise";
  const who = { validateType: isEnterprise ? "2" : "1", [isEnterprise ? "enterpriseId" : "departmentId"]: id };

  /** A form in the body, so that no number stands in an address. */
  async function ask<T>(path: string, params: Record<string, string>, form: z.ZodType<T>, signal: AbortSignal) {
    const timestamp = seconds(tools.now().getTime());
    const body = new URLSearchParams({ ...params, ...who, timestamp, sign: cticloudSign(id, timestamp, token) });
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const url = `${baseOf(config)}/interface/v10${path}`;
    const answer = await send(tools.fetch, { method: "POST", url, headers, body: String(body) }, signal);
    const told = cticloudAnswer.safeParse(parse(answer));
    if (!told.success || answer.status >= 500) throw garbled(`http-${answer.status}`);
    const { result, errorCode } = told.data;
    // Below zero is a no; without a code nobody knows of what.
    if (result !== 0) throw refusalOf(word(errorCode) ?? "none");
    if (answer.status !== 200) throw garbled(`http-${answer.status}`);
    return formed(form, told.data);
  }

  return {
    async callout(call, signal) {
      const params = {
        cno: call.cno,
        tel: call.customer,
        timeout: String(call.agentSeconds),
        dialTelTimeout: String(call.customerSeconds),
        requestUniqueId: call.requestId,
        userField: call.userField,
        ...(call.shown !== null && { obClid: call.shown }),
      };
      await ask("/previewOutcall", params, z.object({}), signal);
    },
    async records(requestUniqueId, since, signal) {
      const { data } = await ask(
        "/cdr/ob/query",
        { requestUniqueId, ...spanOf(since, tools.now()), limit: "10" },
        cticloudList,
        signal,
      );
      return Array.isArray(data) ? data : (data?.list ?? []);
    },
    async agent(cno, act, signal) {
      if (act.act !== "cancel" && act.act !== "unlink") throw refusalOf("unsupported");
      const path = act.act === "cancel" ? "/previewOutcallCancel" : config.unlinkPath;
      await ask(path, { cno }, z.object({}), signal);
    },
    async recordingUrl(recordFile, signal) {
      const params = { recordFile, recordType: "record" };
      return (await ask("/record/getUrl", params, z.object({ data: cticloudUrl }), signal)).data;
    },
  };
}
