/** A recording's address holds for a day. Milliseconds. */
export const recordingUrlLife = 86_400_000;

/** Half a second of silence as a WAV file: 8 kHz, 8 bits, one channel. */
export function silence(): Uint8Array {
  const samples = 4_000;
  const wav = Buffer.alloc(44 + samples, 128);
  wav.write("RIFF", 0);
  wav.writeUInt32LE(36 + samples, 4);
  wav.write("WAVEfmt ", 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt32LE(0x00_01_00_01, 20);
  wav.writeUInt32LE(8_000, 24);
  wav.writeUInt32LE(8_000, 28);
  wav.writeUInt32LE(0x00_08_00_01, 32);
  wav.write("data", 36);
  wav.writeUInt32LE(samples, 40);
  return wav;
}
