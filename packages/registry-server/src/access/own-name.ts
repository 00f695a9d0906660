import {
  defaultNamespace,
  MeshError,
  type Registration,
  type ServiceName,
  splitServiceName,
} from '@inmesh/core';
import { eurekaKey, serviceLabelOf } from '@inmesh/core/eureka';
import { type Principal, principalName } from './principal.ts';

/** Whether a workload may say that it is a service, and register as it. Everybody else may be anything. */
export interface OwnNames {
  owns(principal: Principal, service: ServiceName): boolean;
  /** Throws `forbidden` unless `service` is one of the asker's own. */
  checkService(principal: Principal, service: ServiceName): void;
  /**
   * Throws `forbidden` unless service, namespace and account are the asker's own, and neither the
   * endpoint's id nor its metadata speak of another app at Eureka's door.
   */
  checkRegistration(principal: Principal, id: string, registration: Registration): void;
}

/** Eureka's instances are endpoints of the id `APP/instance`. */
const eurekaId = /^([^a-z/]+)\//;

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
    checkRegistration(principal, id, registration) {
      if (principal.kind !== 'service') return;
      const { service, namespace = defaultNamespace, serviceAccount = 'default' } = registration;
      checkService(principal, `${service}.${namespace}`);
      const app = eurekaId.exec(id)?.[1];
      if (app !== undefined && serviceLabelOf(app) !== service) {
        throw forbidden(`the id ${JSON.stringify(id)} is one of Eureka's app ${app}`, '/id');
      }
      if (registration.metadata?.[eurekaKey] !== undefined) {
        throw forbidden(`the metadata ${eurekaKey} is for Eureka's door to write`, '/metadata');
      }
      // Callers expect the account's certificate at this endpoint: it must not name another's.
      if (serviceAccount !== principal.identity.serviceAccount) {
        throw forbidden(
          `${principal.identity.spiffeId} may not register the service account ${JSON.stringify(serviceAccount)}`,
          '/serviceAccount',
        );
      }
    },
  };
}

function forbidden(why: string, path: string): MeshError {
  return new MeshError('forbidden', `registry: ${why}`, { path });
}
