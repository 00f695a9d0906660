import { type EtcdCluster, type EtcdTls, postToEtcd } from '@inmesh/testing';

export interface EtcdUsers {
  /** Of the user `root`, which may do everything. */
  readonly password: string;
  readonly tls?: EtcdTls;
}

/** From now on etcd serves nobody without a user's token. */
export async function enableUsers(
  { members: [member] }: EtcdCluster,
  { password, tls }: EtcdUsers,
): Promise<void> {
  const post = async (path: string, body: unknown): Promise<void> => {
    const { status, json } = await postToEtcd(`${member?.url}/v3/auth/${path}`, body, tls);
    if (status !== 200) throw new Error(`etcd's ${path}: ${status} ${JSON.stringify(json)}`);
  };
  await post('user/add', { name: 'root', password });
  await post('role/add', { name: 'root' });
  await post('user/grant', { user: 'root', role: 'root' });
  await post('enable', {});
}
