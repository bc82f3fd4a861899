/** The dry run of messages: what proves a push, and whether the sample is read without anything left over. */
import type { Fault, Path } from "./check.ts";
import type { CustomConfig } from "./config.ts";
import { listAt, type Node, parseDocument, textAt } from "./document.ts";
import type { AnswerForm, Message, PushAuth } from "./form.ts";
import { createNormalize, pushKind, stateKind } from "./map.ts";
import { namesIn } from "./template.ts";

export function checkNews(config: CustomConfig, fault: Fault): void {
  const { push, follow } = config;
  if (push !== undefined) {
    checkAuth(config, push.auth, fault);
    checkMessage(push.message ?? config.message, push.message ? ["push", "message"] : ["message"], fault);
    if (push.sample !== undefined) tryOut(config, pushKind, push.sample, ["push", "sample"], fault);
  }
  if (follow !== undefined) {
    checkMessage(follow.message ?? config.message, follow.message ? ["follow", "message"] : ["message"], fault, true);
    const sample = sampleOf(follow.answer);
    if (sample !== null) tryOut(config, stateKind, sample, ["follow", "answer", "yesSample"], fault);
  }
  const { find } = config;
  const found = find === undefined ? null : sampleOf(find.answer);
  if (find === undefined || found === null) return;
  const [first]: Node[] = listAt(parseDocument(find.answer.format, new TextEncoder().encode(found)), find.root);
  for (const name of ["callId", "userData"] as const) {
    if (textAt(first, find[name]) === null) fault(["find", name], "在示例中找不到 · not found in the sample");
  }
}

const sampleOf = ({ yesSample }: AnswerForm): string | null => yesSample?.body ?? null;

function checkAuth(config: CustomConfig, auth: PushAuth, fault: Fault): void {
  if (auth === "address-token") return;
  const at: Path = ["push", "auth"];
  if (config.secret === undefined && config.pushSecret === undefined)
    fault(["pushSecret"], "推送验证需要密钥 · pushes need a secret");
  if (auth.method !== "signature") return;
  const { digest, time } = auth;
  const text = namesIn(digest.text);
  const known = (name: string): boolean =>
    ["secret", "account", "method", "body", "sorted"].includes(name) || /^(header:|query:|\/)/.test(name);
  if (![...text, ...namesIn(digest.key)].every(known))
    fault([...at, "digest"], "有未知的 {名称} · a {name} that is not known here");
  const keyed = digest.method.startsWith("hmac-") ? namesIn(digest.key) : text;
  if (!keyed.includes("secret") || digest.method === "base64")
    fault([...at, "digest"], "签名未用到密钥 · the secret is no part of it");
  if (text.every((name) => name === "secret" || name === "account"))
    fault([...at, "digest"], "签名未覆盖内容 · it covers nothing of the push");
  if (time === undefined) return;
  // A time that is not signed proves nothing: whoever repeats a push would write a new one.
  const covered =
    text.includes(time.at) ||
    (/^\//.test(time.at) ? text.includes("body") : false) ||
    (text.includes("sorted") && !time.at.startsWith("header:"));
  if (!covered) fault([...at, "time", "at"], "时间未被签名覆盖 · the signature does not cover the time");
}

/** `asked`: the answer to a question about a call need not repeat whose it is. */
function checkMessage(message: Message, path: Path, fault: Fault, asked = false): void {
  const named = message.userData ?? message.callId ?? (message.agent && message.customer);
  if (named === undefined && !asked)
    fault([...path, "userData"], "无法得知是哪一通话 · nothing says which call it is about");
  const tells = [...Object.values(message.states).flat(), ...Object.keys(message.times)];
  if (!tells.includes("ended")) fault([...path, "states"], "没有表示结束的状态 · nothing tells that a call has ended");
  if (message.state.length === 0 && Object.keys(message.states).length > 0)
    fault([...path, "state"], "缺少状态的位置 · no path to the state");
}

/** Read as it would be; what nobody understands of it is a fault of the description. */
function tryOut(config: CustomConfig, kind: string, sample: string, path: Path, fault: Fault): void {
  try {
    const about: Record<string, string> = kind === stateKind ? { providerCallId: "sample" } : {};
    const body = new TextEncoder().encode(sample);
    const events = createNormalize(config)({ kind, body, about, receivedAt: new Date(0) });
    if (events.some((event) => event.kind === "unrecognized"))
      fault(path, "有未识别的状态、挂断码或时间 · a state, code or time is not understood");
  } catch {
    fault(path, "无法按描述读出 · cannot be read as described");
  }
}
