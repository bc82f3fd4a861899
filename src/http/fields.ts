/** The pieces that request schemas are made of. */
import { z } from "@hono/zod-openapi";
import { parsePhone } from "../domain/phone.ts";
import { Refusal } from "../domain/refusal.ts";

const isPlain = (value: string): boolean => !/\p{Cc}/u.test(value) && value.isWellFormed();
const notPlain = "含有控制字符 · no control characters";

/** Text for people, of 1 to `max` characters. NUL cannot be stored; other control characters have no place either. */
export function text(max: number) {
  return z.string().min(1).max(max).refine(isPlain, notPlain);
}

/** An http or https address. What `URL` makes sense of may hold control characters all the same. */
export function webAddress(max: number) {
  return z
    .url({ protocol: /^https?$/ })
    .max(max)
    .refine(isPlain, notPlain);
}

/** A phone number as people write it; masked wherever it is printed from here on. */
export const phoneNumber = z
  .string()
  .max(32)
  .transform((value, context) => {
    const phone = parsePhone(value);
    if (phone !== null) return phone;
    context.addIssue({ code: "custom", message: "不是有效的电话号码 · not a phone number" });
    return z.NEVER;
  })
  .openapi({ type: "string", example: "139 0000 5678" });

/** The number of a line in a path. Anything else is no line of ours: 404. */
export const lineNumber = z
  .string()
  .regex(/^[1-9]\d{0,8}$/)
  .transform(Number)
  .openapi({ type: "string", example: "1" });

/** The database has no year 0. */
export const moment = z.iso
  .datetime()
  .refine((value) => !value.startsWith("0000"), "年份无效 · no such year")
  .openapi({ example: "2025-01-01T08:00:00.000Z" });

export const done = z.object({ success: z.literal(true) }).openapi("Done");

const limitMax = 200;
const cursorMax = 256;

/** A list's `limit` and `cursor`; to be spread into its query. */
export const pageQuery = {
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(limitMax)
    .default(50)
    .openapi({ type: "integer", description: `一页的数量 · items a page, at most ${limitMax}` }),
  cursor: z.string().max(cursorMax).optional().openapi({ description: "上一页的 next · the last page's `next`" }),
};

export const next = z
  .string()
  .nullable()
  .openapi({ description: "下一页的 cursor，没有则为 null · the next page's cursor, null on the last" });

/** What a cursor of `cutPage` stands for: the id that the last page ended with. */
export function afterCursor(cursor: string | undefined, form: RegExp): string | null {
  if (cursor === undefined) return null;
  const id = Buffer.from(cursor, "base64url").toString("utf8");
  if (form.test(id)) return id;
  throw new Refusal("invalid", "The cursor is none of ours.", {
    fields: [{ field: "cursor", message: "不是本接口给出的 cursor · not a cursor of this list" }],
  });
}

/** Of `limit + 1` items that were asked for: the page, and where the next one begins. */
export function cutPage<Item extends { id: string | number }>(
  items: readonly Item[],
  limit: number,
): { page: Item[]; next: string | null } {
  const page = items.slice(0, limit);
  const last = page.at(-1);
  const more = items.length > limit && last !== undefined;
  return { page, next: more ? Buffer.from(String(last.id)).toString("base64url") : null };
}
