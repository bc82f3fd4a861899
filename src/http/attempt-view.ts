import { z } from "@hono/zod-openapi";
import { moment } from "./fields.ts";

/** One try of a webhook, as it is shown. */
export const attemptView = z
  .object({
    at: moment,
    latency: z.number().openapi({ description: "毫秒 · milliseconds" }),
    status: z.int().nullable().openapi({ description: "HTTP 状态码；没有答复则为 null · null where no answer came" }),
    error: z
      .string()
      .nullable()
      .openapi({
        description:
          "status（非 2xx）、redirect（不跟随重定向）、refused（地址不允许）、unresolved、unreachable、tls、timeout、reset、garbled；" +
          "成功为 null · null where it was delivered; redirects are not followed",
      }),
    code: z.string().nullable(),
    answer: z.string().openapi({ description: "答复的前 1 KiB，数字已隐去 · its first KiB, numbers taken out" }),
  })
  .openapi("WebhookAttempt");
