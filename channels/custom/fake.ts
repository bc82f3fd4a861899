/** The far side of described providers: one protocol on a socket, spoken in one of five dialects. */
import { type Answer, notFound } from "../kit/far/answer.ts";
import { silentMp3 } from "../kit/far/recording.ts";
import { type FarSide, type FarSideOptions, openFarSide } from "../kit/far/side.ts";
import { type FarCall, openCalls } from "./far/calls.ts";
import type { Dialect } from "./far/dialect.ts";
import { familyDialect } from "./far/family.ts";
import { formDialect } from "./far/form.ts";
import { hollycrmDialect } from "./far/hollycrm.ts";
import { jsonDialect } from "./far/json.ts";
import { malformed, openOperations, type Result, unauthorized } from "./far/operations.ts";
import type { Script } from "./far/plan.ts";
import { openPusher } from "./far/push.ts";
import { xmlDialect } from "./far/xml.ts";

export type { Script } from "./far/plan.ts";

const dialects = {
  json: jsonDialect,
  form: () => formDialect,
  xml: () => xmlDialect,
  family: () => familyDialect,
  hollycrm: hollycrmDialect,
};
export type DialectName = keyof typeof dialects;

export interface CustomProviderOptions extends FarSideOptions {
  dialect: DialectName;
  /** Account → what signs its requests, and what proves pushes to it. */
  accounts: Record<string, { secret: string; pushSecret: string }>;
}

export type CustomProvider = FarSide<FarCall, Script>;

const recordingPath = /^\/recordings\/([\w-]+)\.mp3$/;
const operationPath = /^\/v1\/(\w+)$/;

export async function startCustomProvider(options: CustomProviderOptions): Promise<CustomProvider> {
  const far = await openFarSide<FarCall, Script>(options);
  const dialect = dialects[options.dialect]();
  const secretOf = (account: string): string | undefined => options.accounts[account]?.secret;
  const tell = openPusher(far, dialect, (account) => options.accounts[account]?.pushSecret ?? "");
  const operations = openOperations(far, openCalls(far, tell));

  far.serve((asked) => {
    const { pathname } = asked.url;
    const [, recorded] = recordingPath.exec(pathname) ?? [];
    if (recorded !== undefined) {
      const call = far.calls.get(recorded);
      const isThere = call?.order.record && call.times.hangup !== undefined;
      return isThere ? { status: 200, type: "audio/mpeg", body: silentMp3() } : notFound;
    }
    const early = dialect.before?.(asked, secretOf, far.now()) ?? null;
    if (early !== null) return { status: 200, type: early.contentType, body: early.body };
    const [, usual = ""] = operationPath.exec(pathname) ?? [];
    const name = dialect.nameOf === undefined ? usual : (dialect.nameOf(asked.url) ?? "");
    const operation = operations.get(name);
    if (operation === undefined) return notFound;
    const fields = dialect.read(asked);
    const account = fields === null ? null : dialect.admit(asked, fields, secretOf, far.now());
    far.count(fields !== null && account === null ? "unauthorized" : name);
    if (fields === null) return written(dialect, malformed);
    const result = account === null ? unauthorized : operation(account, fields);
    return result === "lost" ? "lost" : written(dialect, result);
  });

  return far.side;
}

function written(dialect: Dialect, { code, status, call }: Result): Answer {
  const { contentType, body } = dialect.write({ code }, call);
  return { status, type: contentType, body };
}
