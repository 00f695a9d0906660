import { isMeshError, MeshError } from '@inmesh/core';
import {
  type Fields,
  type InstanceJson,
  instanceJson,
  isFields,
  readInstance,
  readNumber,
  readStatus,
  readText,
} from '@inmesh/core/eureka';
import { addressFault } from '../probe/address-policy.ts';
import type { EurekaDoor } from './eureka-door.ts';

/** Eureka's peers send 250. */
const maxItems = 1_000;

interface ItemAnswer {
  readonly statusCode: number;
  /** What we know that is newer than what was told. */
  readonly responseEntity?: InstanceJson;
}

/**
 * Applies what a peer tells, in order, each by itself: one that cannot be applied has its own
 * answer and does not stand in the way of the others. Throws `invalid_argument` for what is no batch.
 *
 * @param now Wall-clock milliseconds.
 */
export async function applyBatch(
  door: EurekaDoor,
  batch: Fields,
  now: number,
): Promise<{ responseList: readonly ItemAnswer[] }> {
  const { replicationList } = batch;
  if (!Array.isArray(replicationList) || replicationList.length > maxItems) {
    throw new MeshError(
      'invalid_argument',
      `eureka: replicationList must be an array of at most ${maxItems} items`,
    );
  }
  const responseList: ItemAnswer[] = [];
  for (const item of replicationList) responseList.push(await applyItem(door, item, now));
  return { responseList };
}

async function applyItem(door: EurekaDoor, item: unknown, now: number): Promise<ItemAnswer> {
  try {
    if (!isFields(item)) return { statusCode: 400 };
    const app = readText(item, 'appName')?.toUpperCase() ?? '';
    const id = readText(item, 'id') ?? '';
    switch (item.action) {
      case 'Register':
        door.register(readInstance(item.instanceInfo, now, addressFault), true);
        return { statusCode: 204 };
      case 'Heartbeat':
        return heartbeat(door, app, id, item);
      case 'Cancel':
        return answer(door.cancel(app, id));
      case 'StatusUpdate':
        return answer(await door.override(app, id, readStatus(item.status) ?? 'UNKNOWN', true));
      case 'DeleteStatusOverride':
        return answer(await door.override(app, id, undefined, true));
      default:
        return { statusCode: 400 };
    }
  } catch (error) {
    return { statusCode: isMeshError(error, 'invalid_argument') ? 400 : 500 };
  }
}

function heartbeat(door: EurekaDoor, app: string, id: string, item: Fields): ItemAnswer {
  const outcome = door.renew(app, id, {
    lastDirtyTimestamp: readNumber(item, 'lastDirtyTimestamp', [0, Number.MAX_SAFE_INTEGER]),
    replica: true,
  });
  if (outcome.kind === 'unknown') return { statusCode: 404 };
  if (outcome.kind === 'renewed') return { statusCode: 200 };
  return { statusCode: 409, responseEntity: instanceJson(outcome.entry.instance) };
}

function answer(known: boolean): ItemAnswer {
  return { statusCode: known ? 200 : 404 };
}
