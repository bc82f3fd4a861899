/** CTI-Cloud's side of the far side: what it accepts and answers. */
import { type Answer, json, notFound } from "../../kit/far/answer.ts";
import type { Far } from "../../kit/far/side.ts";
import { cticloudRecord, type FarCall } from "./call.ts";
import type { openCalls } from "./calls.ts";
import { readOrder } from "./clink.ts";
import { playOf, type Script } from "./plan.ts";

const agentForm = /^\d{3,10}$/;

export function openCticloudOperations(
  { calls: table, url: origin, scriptOf }: Far<FarCall, Script>,
  calls: ReturnType<typeof openCalls>,
) {
  return (account: string, path: string, form: URLSearchParams): Answer => {
    const cno = form.get("cno") ?? "";
    switch (path) {
      case "/previewOutcall":
        return callout(account, form);
      case "/previewOutcallCancel":
        return calls.cancel(account, cno) ? ok(null) : failed("20000");
      case "/agent/unlink":
        return calls.unlink(account, cno) ? ok(null) : failed("20000");
      case "/cdr/ob/query": {
        const [from, until] = [Number(form.get("startTime")) * 1_000, Number(form.get("endTime")) * 1_000];
        const found = calls.records(account, form.get("requestUniqueId") ?? "", from, until);
        return ok(found.slice(0, Number(form.get("limit") ?? "10")).map(cticloudRecord));
      }
      case "/record/getUrl": {
        const wanted = form.get("recordFile") ?? "";
        const call = table.all().find((one) => `${one.uniqueId.replace("medias_", "")}.mp3` === wanted);
        if (call?.account !== account || call.at.bridge === null) return failed("20000");
        return ok(`${origin}/sound/${wanted}?Expires=1&Signature=s1gn`);
      }
      default:
        return notFound;
    }
  };

  function callout(account: string, form: URLSearchParams): Answer {
    const text = (name: string) => form.get(name) ?? undefined;
    const order = readOrder(
      {
        cno: text("cno"),
        customer: text("tel"),
        shown: text("obClid"),
        agentSeconds: Number(text("timeout")),
        customerSeconds: Number(text("dialTelTimeout")),
        requestUniqueId: text("requestUniqueId"),
        userField: text("userField"),
      },
      agentForm,
    );
    if (order === null) return failed("20000");
    const play = playOf(order.customer, scriptOf(order.customer));
    if (play.answer === "refused") return failed(play.code ?? "20024");
    if (play.answer === "unavailable") return failed("10001", 500);
    if (calls.runningOf(account, order.cno) !== undefined) return failed("20011");
    calls.start(account, order, play);
    return play.answer === "lost" ? "lost" : ok(null);
  }
}

const ok = (data: unknown): Answer => json({ result: 0, description: "ok", data });
const failed = (errorCode: string, status = 200): Answer => json({ result: -1, description: "no", errorCode }, status);
export const unknownEnterprise = failed("10003");
