/**
 * A dry run of a described provider: every template is filled with a sample order, and every path is tried against the
 * sample answers, before a phone rings. A fault names its field, never what stands there.
 */
import { parseXml } from "@rgrove/parse-xml";
import type { z } from "zod";
import { checkNews } from "./check-news.ts";
import type { CustomConfig } from "./config.ts";
import { parseDocument, textAt } from "./document.ts";
import type { AnswerForm, Refusal, RequestForm } from "./form.ts";
import { lateSignatures, requestParts } from "./sign.ts";
import { escapeXml, fill, namesIn, textsIn } from "./template.ts";
import { openTimes } from "./time.ts";
import { callNames, lineNames, orderNames } from "./values.ts";
import { judge } from "./wire.ts";

export type Path = (string | number)[];
export type Fault = (path: Path, message: string) => void;

export function checkForm(config: CustomConfig, context: z.core.$RefinementCtx): void {
  const fault: Fault = (path, message) => context.addIssue({ code: "custom", path, message });
  const readable = checkTimes(config, fault);
  const names = namesOf(config, fault);
  const late = lateSignatures(config.signatures);

  const checkRequest = (request: RequestForm, known: ReadonlySet<string>, path: Path): void => {
    const everywhere = new Set([...known].filter((name) => !late.has(name)));
    const look = (text: string, allowed: ReadonlySet<string>, at: Path): void => {
      if (namesIn(text).some((name) => !allowed.has(name))) fault(at, unknownName);
    };
    look(request.path, everywhere, [...path, "path"]);
    for (const part of ["query", "headers"] as const) {
      for (const [name, text] of Object.entries(request[part])) look(text, known, [...path, part, name]);
    }
    const { body } = request;
    if (body === undefined) return;
    if (request.method === "GET") fault([...path, "body"], "GET 没有请求体 · a GET has no body");
    if (body.format === "json")
      for (const text of textsIn(body.value)) look(text, everywhere, [...path, "body", "value"]);
    if (body.format === "form") {
      for (const [name, text] of Object.entries(body.fields)) look(text, known, [...path, "body", "fields", name]);
    }
    if (body.format !== "xml") return;
    look(body.text, everywhere, [...path, "body", "text"]);
    if (!isXml(fill(body.text, () => "<&>\"'", escapeXml))) fault([...path, "body", "text"], "不是 XML · not XML");
  };

  const order = new Set([...names, ...orderNames]);
  const call = new Set([...names, ...callNames]);
  const withoutToken = new Set([...names].filter((name) => name !== "token"));
  const exchanges = [
    ["place", order],
    ["find", order],
    ["hangup", call],
    ["follow", call],
    ["probe", names],
    ["token", withoutToken],
  ] as const;
  for (const [name, known] of exchanges) {
    const described = config[name];
    if (described === undefined) continue;
    checkRequest(described.request, known, [name, "request"]);
    checkAnswer(described.answer, config.refusals, [name, "answer"], fault);
  }
  checkRefusals(config.refusals, ["refusals"], fault);
  for (const part of ["headers", "query"] as const) {
    for (const [name, text] of Object.entries(config[part])) {
      if (namesIn(text).some((one) => !names.has(one))) fault([part, name], unknownName);
    }
  }
  checkPaths(config, fault);
  for (const part of ["query", "headers"] as const) {
    for (const [name, text] of Object.entries(config.recording?.[part] ?? {})) {
      if (namesIn(text).some((one) => !names.has(one) || late.has(one) || !lineWord(one)))
        fault(["recording", part, name], unknownName);
    }
  }
  if (readable) checkNews(config, fault);
}

const unknownName = "有未知的 {名称} · a {name} that is not known here";
export const notFound = "在示例中找不到 · not found in the sample";

const lineWord = (name: string): boolean => lineNames.includes(name) || name === "token" || name.startsWith("values.");

/** False where no message could be read anyway. */
function checkTimes({ clock, times, push }: CustomConfig, fault: Fault): boolean {
  const auth = push?.auth;
  const proof = typeof auth === "object" && auth.method === "signature" ? auth.time : undefined;
  const forms = [
    [clock, ["clock"]],
    [times, ["times"]],
    [proof, ["push", "auth", "time"]],
  ] as const;
  const wrong = forms.filter(([form]) => form !== undefined && !opens(() => openTimes(form)));
  for (const [, path] of wrong) fault([...path], unknownZone);
  return wrong.length === 0;
}

const unknownZone = "未知的时区 · no such time zone";

/** What every request of this line may use. */
function namesOf(config: CustomConfig, fault: Fault): Set<string> {
  const known = new Set([...lineNames, ...Object.keys(config.values).map((name) => `values.${name}`)]);
  if (config.secret === undefined) known.delete("secret");
  if (config.token !== undefined) known.add("token");
  const signable = new Set([...known, ...orderNames, ...callNames, ...requestParts]);
  for (const [name, { method, text, key }] of Object.entries(config.signatures)) {
    const taken = signable.has(name);
    if (taken) fault(["signatures", name], "名称已被占用 · the name is taken");
    if (namesIn(text).some((one) => !signable.has(one))) fault(["signatures", name, "text"], unknownName);
    const keyed = method.startsWith("hmac-");
    if (keyed && (key === "" || namesIn(key).some((one) => !signable.has(one))))
      fault(["signatures", name, "key"], unknownName);
    signable.add(name);
    known.add(name);
  }
  return known;
}

function checkRefusals(refusals: readonly Refusal[], path: Path, fault: Fault): void {
  for (const [index, { status, codes }] of refusals.entries()) {
    const ofClient = status?.every((one) => one >= 400 && one < 500 && one !== 408) ?? false;
    // A gateway's 502 comes after the request has gone on as well.
    if (codes === undefined && !ofClient)
      fault([...path, index], "没有错误码时只能是 4xx · without codes only statuses of 400 to 499, but 408");
  }
}

function checkAnswer(answer: AnswerForm, refusals: readonly Refusal[], path: Path, fault: Fault): void {
  checkRefusals(answer.no, [...path, "no"], fault);
  const { yesSample, noSample } = answer;
  if (yesSample && outcome(answer, refusals, yesSample) !== "yes")
    fault([...path, "yesSample"], "未被识别为接受 · not read as a yes");
  if (noSample && outcome(answer, refusals, noSample) !== "none")
    fault([...path, "noSample"], "未被识别为拒绝 · not read as a definite no");
}

function outcome(answer: AnswerForm, refusals: readonly Refusal[], sample: { status: number; body: string }): string {
  try {
    judge(answer, refusals, sample.status, new TextEncoder().encode(sample.body));
    return "yes";
  } catch (error) {
    return error instanceof Error && "effect" in error ? String(error.effect) : "unknown";
  }
}

/** Where ids and tokens stand in the answers. */
function checkPaths({ place, token }: CustomConfig, fault: Fault): void {
  const tried = [
    [place.answer, place.callId, ["place", "callId"]],
    [place.answer, place.jobId, ["place", "jobId"]],
    [token?.answer, token?.token, ["token", "token"]],
  ] as const;
  for (const [answer, path, at] of tried) {
    if (answer?.yesSample === undefined || path === undefined) continue;
    const document = parseDocument(answer.format, new TextEncoder().encode(answer.yesSample.body));
    if (textAt(document, path) === null) fault([...at], notFound);
  }
}

function isXml(text: string): boolean {
  return opens(() => parseXml(text));
}

export function opens(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}
