/** About a second of silence: MPEG-1 layer III frames of 128 kbit/s at 44.1 kHz, all but the header zero. */
const frameBytes = 417;
const frames = 38;

export function recordingMp3(): Uint8Array {
  const mp3 = Buffer.alloc(frameBytes * frames);
  for (let frame = 0; frame < frames; frame += 1) mp3.writeUInt32BE(0xfffb9000, frame * frameBytes);
  return mp3;
}
