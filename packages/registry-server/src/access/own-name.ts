import {
  defaultNamespace,
  MeshError,
  type Registration,
  type ServiceName,
  splitServiceName,
} from '@inmesh/core';
import { type Principal, principalName } from './principal.ts';

/** Whether a workload may say that it is a service, and register as it. Everybody else may be anything. */
export interface OwnNames {
  owns(principal: Principal, service: ServiceName): boolean;
  /** Throws `forbidden` unless `service` is one of the asker's own. */
  checkService(principal: Principal, service: ServiceName): void;
  /** Throws `forbidden` unless service, namespace and account are the asker's own. */
  checkRegistration(principal: Principal, registration: Registration): void;
}

/** @param mayRegister Services by `namespace/account`, besides the one named as the account. */
export function createOwnNames(mayRegister: ReadonlyMap<string, ReadonlySet<string>>): OwnNames {
  const owns = (principal: Principal, service: ServiceName): boolean => {
    if (principal.kind !== 'service') return true;
    const { name, namespace } = splitServiceName(service);
    const own = principal.identity;
    if (namespace !== own.namespace) return false;
    const others = mayRegister.get(`${own.namespace}/${own.serviceAccount}`);
    return name === own.serviceAccount || others?.has(name) === true;
  };
  const checkService = (principal: Principal, service: ServiceName): void => {
    if (owns(principal, service)) return;
    throw new MeshError(
      'forbidden',
      `registry: ${principalName(principal)} may not be ${service}: a workload registers as its own service account, or as what the operator lists for it (mayRegister)`,
      { service, path: '/service' },
    );
  };
  return {
    owns,
    checkService,
    checkRegistration(principal, registration) {
      if (principal.kind !== 'service') return;
      const { service, namespace = defaultNamespace, serviceAccount = 'default' } = registration;
      checkService(principal, `${service}.${namespace}`);
      // Callers expect the account's certificate at this endpoint: it must not name another's.
      if (serviceAccount !== principal.identity.serviceAccount) {
        throw new MeshError(
          'forbidden',
          `registry: ${principal.identity.spiffeId} may not register the service account ${JSON.stringify(serviceAccount)}`,
          { path: '/serviceAccount' },
        );
      }
    },
  };
}
