/** 吉亚 publishes nothing: what it shares with its neighbours is preset, its requests and messages are its operator's. */
import { z } from "zod";
import type { ChannelDefinition } from "../contract.ts";
import { checkForm } from "./check.ts";
import { type CustomConfig, fields } from "./config.ts";
import { digest, templates, timeForm } from "./form.ts";
import { custom } from "./index.ts";
import { preset } from "./preset.ts";

const stamp = { format: "yyyyMMddHHmmss" };
/** Five platforms of this kind sign so: an MD5 in the address, account and time in a header. */
const familySignatures = {
  sig: { method: "md5", text: "{account}{secret}{timestamp}", encoding: "HEX" },
  authorization: { method: "base64", text: "{account}:{timestamp}" },
} as const;

const jyConfig = z
  .strictObject({
    ...fields,
    clock: timeForm.prefault(stamp).meta(fields.clock.meta() ?? {}),
    times: timeForm.prefault(stamp).meta(fields.times.meta() ?? {}),
    signatures: z
      .record(z.string().regex(/^\w{1,32}$/), digest)
      .prefault(familySignatures)
      .meta(fields.signatures.meta() ?? {}),
    headers: templates.default({ authorization: "{authorization}" }).meta(fields.headers.meta() ?? {}),
    query: templates.default({ sig: "{sig}" }).meta(fields.query.meta() ?? {}),
  })
  .superRefine(checkForm);

export const jy: ChannelDefinition<CustomConfig> = preset(
  {
    provider: "jy",
    title: { zh: "吉亚（按厂商文档填写）", en: "Jiya (to be filled in from its documents)" },
    config: jyConfig,
    secretFields: ["secret", "pushSecret"],
    addressFields: custom.addressFields,
    agentKind: "phone",
  },
  (config) => config,
);
