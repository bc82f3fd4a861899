/** Sends what is described, and reads the answer as described: a yes, a definite no, or nobody knows. */
import { ChannelError, type ChannelTools } from "../contract.ts";
import { open, send } from "../kit/http.ts";
import type { CustomConfig } from "./config.ts";
import { type Node, parseDocument, textAt } from "./document.ts";
import type { AnswerForm, Exchange, Refusal } from "./form.ts";
import { writeRequest } from "./request.ts";
import { fillField, type Value, type ValueOf } from "./template.ts";
import type { Tokens } from "./token.ts";
import { lineValues } from "./values.ts";

export interface Said {
  document: Node;
  body: Uint8Array;
}

/** Resolves only on the described yes; a described no has no effect, and everything else leaves it unknown. */
export function judge(form: AnswerForm, refusals: readonly Refusal[], status: number, body: Uint8Array): Node {
  const document = parseDocument(form.format, body);
  const { yes, no } = form;
  const said = textAt(document, yes.path);
  if (yes.status.includes(status) && said !== null && yes.values.includes(said)) return document;
  const code = textAt(document, form.code ?? yes.path);
  const rule = [...no, ...refusals].find(
    (one) =>
      (one.status === undefined || one.status.includes(status)) &&
      (one.codes === undefined || (code !== null && one.codes.includes(code))),
  );
  const told = code !== null && isCode(code) ? code : `http-${status}`;
  if (rule === undefined) throw new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code: told });
  throw new ChannelError({ kind: rule.kind, effect: "none", cause: rule.cause, code: told });
}

/** Short numbers and words; a phone number or a secret may hide in anything else. */
export function isCode(text: string): boolean {
  return /^-?\d{1,6}$/.test(text) || (/^[A-Za-z][\w.-]{0,31}$/.test(text) && !/\d{5}/.test(text));
}

export function openWire(config: CustomConfig, tools: ChannelTools, tokens: Tokens | null) {
  async function valuesOf(given: Record<string, Value>, signal: AbortSignal): Promise<ValueOf & { token?: string }> {
    const token = tokens === null ? null : await tokens.current(signal);
    const ofLine = lineValues(config, tools, token);
    const valueFor: ValueOf = (name) => (Object.hasOwn(given, name) ? given[name] : ofLine(name));
    return token === null ? valueFor : Object.assign(valueFor, { token });
  }

  return {
    async ask({ request, answer }: Exchange, given: Record<string, Value>, signal: AbortSignal): Promise<Said> {
      const valueFor = await valuesOf(given, signal);
      const { status, body } = await send(tools.fetch, writeRequest(config, request, valueFor), signal);
      try {
        return { document: judge(answer, config.refusals, status, body), body };
      } catch (error) {
        if (valueFor.token !== undefined && error instanceof ChannelError && error.kind === "unauthorized") {
          tokens?.drop(valueFor.token);
        }
        throw error;
      }
    },
    /** Proves reach and nothing more: any answer will do. */
    async reach(signal: AbortSignal): Promise<void> {
      await send(tools.fetch, { method: "GET", url: config.baseUrl }, signal);
    },
    async openRecording(ref: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
      const url = recordingUrl(ref, config);
      const valueFor = await valuesOf({}, signal);
      const headers: Record<string, string> = {};
      for (const [name, text] of Object.entries(config.recording?.headers ?? {})) {
        headers[name] = String(fillField(text, valueFor) ?? "");
      }
      for (const [name, text] of Object.entries(config.recording?.query ?? {})) {
        url.searchParams.set(name, String(fillField(text, valueFor) ?? ""));
      }
      return soundOf(await open(tools.fetch, { method: "GET", url: url.href, headers }, signal));
    },
  };
}

type OpenAnswer = Awaited<ReturnType<typeof open>>;

/** An error page is no sound. */
async function soundOf({ status, headers, body }: OpenAnswer): Promise<ReadableStream<Uint8Array>> {
  if (status === 200 && !/json|xml|text/i.test(headers.get("content-type") ?? "")) return body;
  await body.cancel();
  const code = `http-${status}`;
  if (status === 404) throw new ChannelError({ kind: "refused", effect: "none", cause: "not-found", code });
  if (status === 401 || status === 403) {
    throw new ChannelError({ kind: "unauthorized", effect: "none", cause: "credentials", code });
  }
  throw new ChannelError({ kind: "garbled", effect: "unknown", cause: "server", code });
}

/** The address comes from a push, and what it is given may be a secret: the API's host and those named, or none. */
function recordingUrl(ref: string, config: CustomConfig): URL {
  const url = URL.parse(ref);
  const hosts = config.recording?.hosts ?? [];
  const isOurs =
    url !== null &&
    (url.origin === new URL(config.baseUrl).origin ||
      hosts.some((host) => url.hostname === host || url.hostname.endsWith(`.${host}`)));
  if (isOurs && /^https?:$/.test(url.protocol)) return url;
  throw new ChannelError({ kind: "refused", effect: "none", cause: "parameter", code: "recording-host" });
}
