/** The fields by which a line says how far back a list of records is read again; see `feed.ts`. */
import { z } from "zod";

const minutesMax = 7 * 24 * 60;

export const rereadFields = {
  cdrOverlapMinutes: z.int().min(1).max(minutesMax).default(10).meta({
    title: "话单重读（分钟） · CDR overlap, minutes",
    description: "每轮重读的时长，迟到的话单由此读到 · Read again in each round, for records that appear late",
  }),
  cdrReachMinutes: z.int().min(1).max(minutesMax).default(250).meta({
    title: "话单回看（分钟） · CDR reach, minutes",
    description: "每小时一次，应长于最长通话 · Read again once an hour; longer than the longest call",
  }),
};
