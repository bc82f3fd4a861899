/** The provider's actions and answers, CCC 2020-07-01. */
import { z } from "zod";
import type { ChannelTools } from "../contract.ts";
import { type Answer, open, send } from "../kit/http.ts";
import { codeForm, garbled, refusalOf, refused } from "./codes.ts";
import type { AliyunConfig } from "./config.ts";
import { queryString, sign } from "./sign.ts";

const version = "2020-07-01";

export type Action =
  | "StartBack2BackCall"
  | "ReleaseCall"
  | "GetCallDetailRecord"
  | "ListCallDetailRecordsV2"
  | "ListNotificationRecords"
  | "GetMonoRecording"
  | "GetInstance";

/** Without `InstanceId`, which goes with every action. */
export interface StartCall extends Record<string, string> {
  /** Rung first. */
  Caller: string;
  Callee: string;
  /** A number of the instance: both are called from it. */
  Broker: string;
  TimeoutSeconds: string;
  /** At most 128 bytes. */
  Tags: string;
}

const id = z.string().regex(/^[\w.:@-]{1,128}$/);
export const startAnswer = z.object({ CallContext: z.object({ JobId: id }) });
export const anyAnswer = z.unknown();
export const instanceAnswer = z.object({ Status: z.string() });
const record = z.record(z.string(), z.unknown());
/** Of a call that runs there may be none yet. */
export const recordAnswer = record.nullish();
export const listAnswer = z.object({
  List: z.array(record).nullish(),
  TotalCount: z.coerce.number().nonnegative().nullish(),
});
/** What was pushed about calls, read back: `Content` is the message. */
export const noticesAnswer = z
  .array(z.object({ NotificationKey: z.string().nullish(), Content: z.string() }))
  .nullish();
const recordingAnswer = z.object({ FileUrl: z.url({ protocol: /^https?$/ }) });

const codedAnswer = z.looseObject({
  Code: z.string().regex(codeForm),
  HttpStatusCode: z.coerce.number().nullish().catch(null),
});

export type Wire = ReturnType<typeof openWire>;

export function openWire(config: AliyunConfig, tools: ChannelTools) {
  const { origin, host } = new URL(config.baseUrl);

  /** One request, signed for itself; resolves only on the code for success and the expected form. */
  async function ask<T>(
    action: Action,
    fields: Record<string, string>,
    form: z.ZodType<T>,
    signal: AbortSignal,
  ): Promise<T> {
    const query = { InstanceId: config.instanceId, ...fields };
    const unsigned = { host, action, version, query, now: tools.now(), nonce: tools.randomId() };
    const headers = { accept: "application/json", ...sign(unsigned, config) };
    const url = `${origin}/?${queryString(query)}`;
    const answer = await send(tools.fetch, { method: "POST", url, headers }, signal);
    const formed = form.safeParse(accepted(answer).Data);
    if (!formed.success) throw garbled("form");
    return formed.data;
  }

  return {
    ask,
    /** The address is asked for anew each time: it is signed, and expires. */
    async openRecording(contactId: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
      if (!id.safeParse(contactId).success) throw refused("parameter", "recording-ref");
      const { FileUrl } = await ask("GetMonoRecording", { ContactId: contactId }, recordingAnswer, signal);
      const answer = await open(tools.fetch, { method: "GET", url: FileUrl }, signal);
      // An error page is no sound.
      const isText = /json|xml|text/i.test(answer.headers.get("content-type") ?? "");
      if (answer.status === 200 && !isText) return answer.body;
      await answer.body.cancel();
      if (answer.status === 404) throw refused("not-found", "http-404");
      throw garbled(`http-${answer.status}`);
    },
  };
}

/** The answer where it says yes. A 200 with any code but OK is a no like any other. */
function accepted(answer: Answer): z.output<typeof codedAnswer> {
  const coded = codedAnswer.safeParse(parse(answer));
  if (!coded.success) throw garbled(`http-${answer.status}`);
  const { Code, HttpStatusCode } = coded.data;
  if (Code !== "OK") throw refusalOf(Code, answer.status === 200 ? (HttpStatusCode ?? 200) : answer.status);
  if (answer.status !== 200) throw garbled(`http-${answer.status}`);
  return coded.data;
}

function parse(answer: Answer): unknown {
  try {
    return JSON.parse(answer.text());
  } catch {
    return null;
  }
}
