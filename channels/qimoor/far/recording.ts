const rate = 8_000;
const headerBytes = 44;

/** One second of silence as a WAV file: 8 kHz, 8 bits, one channel. */
export function recordingWav(): Uint8Array {
  const wav = Buffer.alloc(headerBytes + rate, 128);
  wav.write("RIFF", 0);
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(rate, 24);
  wav.writeUInt32LE(rate, 28);
  wav.writeUInt16LE(1, 32);
  wav.writeUInt16LE(8, 34);
  wav.write("data", 36);
  wav.writeUInt32LE(rate, 40);
  return wav;
}
