import { createRoute, z } from "@hono/zod-openapi";
import type { ChannelDefinition } from "../../channels/contract.ts";
import type { AppDeps } from "./app.ts";
import { type App, answer, guarded, guardedProblems, problems } from "./route.ts";

const tags = ["渠道 · Channels"];

const channelView = z
  .object({
    name: z.string(),
    title: z.object({ zh: z.string(), en: z.string() }),
    simulated: z.boolean().openapi({ description: "模拟，不响任何电话 · rings no phone" }),
    agentKind: z
      .enum(["phone", "seat"])
      .openapi({ description: "坐席需要电话号码，还是服务商的坐席号 · what an agent needs: a phone, or an id there" }),
    fixedWebhooks: z.array(z.string()).openapi({ description: "固定回调地址 · fixed webhook paths" }),
    secretFields: z.array(z.string()),
    addressFields: z.array(z.string()).openapi({
      description:
        "请求发往何处；修改时须一并重新填写密钥 · where requests go; to change one, give the secrets again with it",
    }),
    config: z.record(z.string(), z.unknown()).openapi({ description: "providerConfig 的 JSON Schema" }),
  })
  .openapi("Channel");

export function channelRoutes(app: App, { listChannels }: AppDeps): void {
  app.openapi(
    createRoute({
      ...guarded("manage"),
      method: "get",
      path: "/api/v1/channels",
      tags,
      summary: "渠道种类 · Kinds of channels",
      description:
        "每种渠道的配置项；线路的 can 说明它支持什么。 · What to fill in for each; a line's `can` says what it is able to do.",
      responses: {
        200: answer(z.object({ channels: z.array(channelView) }), "渠道 · the channels"),
        ...problems(...guardedProblems),
      },
    }),
    async (c) => c.json({ channels: (await listChannels()).map(show) }, 200),
  );
}

function show(definition: ChannelDefinition): z.output<typeof channelView> {
  const { provider, title, simulated, agentKind, legacyPaths, secretFields, addressFields } = definition;
  return {
    name: provider,
    title,
    simulated,
    agentKind,
    fixedWebhooks: legacyPaths.map((kind) => `/api/v1/calls/webhook/${provider}${kind === "" ? "" : `/${kind}`}`),
    secretFields: [...secretFields],
    addressFields: [...addressFields],
    config: formOf(definition),
  };
}

/** The config as JSON Schema for forms; a secret field is write-only and shown as a password box. */
function formOf({ config, secretFields }: ChannelDefinition): Record<string, unknown> {
  const schema = z.toJSONSchema(config, { io: "input", unrepresentable: "any" });
  const properties = Object.entries(schema.properties ?? {}).map(([name, property]) =>
    secretFields.includes(name) && typeof property === "object"
      ? [name, { ...property, writeOnly: true, format: "password" }]
      : [name, property],
  );
  return { ...schema, properties: Object.fromEntries(properties) };
}
