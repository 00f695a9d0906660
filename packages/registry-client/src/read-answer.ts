import type { Dispatcher } from 'undici';
import { answerError } from './registry-error.ts';

/** Answers to single requests are small; only the stream carries lists. */
const maxAnswerBytes = 256 * 1024;

/** The JSON of a good answer, or `undefined` for an empty one. Throws the `MeshError` that another one means. */
export async function readAnswer(
  origin: string,
  what: string,
  answer: Pick<Dispatcher.ResponseData, 'statusCode' | 'headers' | 'body'>,
): Promise<unknown> {
  const text = await readText(answer.body);
  if (answer.statusCode < 200 || answer.statusCode > 299) {
    throw answerError(origin, what, answer.statusCode, text, answer.headers['retry-after']);
  }
  return text === '' ? undefined : JSON.parse(text);
}

export async function readText(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxAnswerBytes) throw new Error(`the answer exceeds ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
