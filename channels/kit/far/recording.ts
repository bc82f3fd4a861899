/** Sample recordings, a second long: 8 kHz, 8 bits and one channel where they are WAV files. */

const rate = 8_000;
const headerBytes = 44;
export const wavSeconds = 1;
export const wavBytes = headerBytes + rate * wavSeconds;

const [pcm, aLaw] = [1, 6];
const [pcmSilence, aLawSilence] = [128, 0xd5];

function wavOf(format: number, silence: number): Buffer {
  const wav = Buffer.alloc(wavBytes, silence);
  wav.write("RIFF", 0);
  wav.writeUInt32LE(wavBytes - 8, 4);
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(format, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate, 28);
  wav.writeUInt16LE(1, 32);
  wav.writeUInt16LE(8, 34);
  wav.write("data", 36);
  wav.writeUInt32LE(rate * wavSeconds, 40);
  return wav;
}

export const silentWav = (): Uint8Array => wavOf(pcm, pcmSilence);
export const silentALawWav = (): Uint8Array => wavOf(aLaw, aLawSilence);

/** 440 Hz. */
export function tonalWav(): Uint8Array {
  const wav = wavOf(pcm, pcmSilence);
  for (let n = 0; n < rate * wavSeconds; n += 1) {
    wav[headerBytes + n] = pcmSilence + Math.round(60 * Math.sin((2 * Math.PI * 440 * n) / rate));
  }
  return wav;
}

const frameBytes = 417;
const frames = 38;

/** Silence: MPEG-1 layer III frames of 128 kbit/s at 44.1 kHz, all but the header zero. */
export function silentMp3(): Uint8Array {
  const mp3 = Buffer.alloc(frameBytes * frames);
  for (let frame = 0; frame < frames; frame += 1) mp3.writeUInt32BE(0xfffb9000, frame * frameBytes);
  return mp3;
}
