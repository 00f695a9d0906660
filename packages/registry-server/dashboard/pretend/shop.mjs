// A shop of services in three namespaces, as it might be in real life: one canary, one version that fails,
// one callee that struggles, one that speaks no TLS, and somebody outside.

/** Calls a second, milliseconds at the median, share of errors, share over mutual TLS. */
const edge = (from, to, rate, ms, { errors = 0, mtls = 1 } = {}) => ({
  from,
  to,
  rate,
  ms,
  errors,
  mtls,
});

const service = (name, namespace, versions = { v1: 2 }, more = {}) => ({
  service: `${name}.${namespace}`,
  versions,
  ...more,
});

export const shop = {
  services: [
    service('storefront', 'shop', { v4: 3 }),
    service('mobile', 'shop', { v2: 2 }),
    service('catalog', 'shop', { v1: 4 }),
    service('search', 'shop', { v7: 3 }),
    service('cart', 'shop', { v3: 3 }),
    service(
      'checkout',
      'shop',
      { v5: 3 },
      {
        breakers: [{ service: 'shipping.fulfilment', subset: '', state: 'open' }],
      },
    ),
    service('reviews', 'shop', { v1: 3, v2: 1 }),
    service('ratings', 'shop', { v1: 2 }, { tls: 'none' }),
    service('recommendations', 'shop', { v2: 2 }),
    service('pricing', 'shop', { v1: 2 }),
    service('payments', 'payments', { v2: 3, v3: 1 }),
    service('fraud', 'payments', { v1: 2 }),
    service('ledger', 'payments', { v1: 3 }),
    service('inventory', 'fulfilment', { v1: 2, v2: 2 }),
    service('shipping', 'fulfilment', { v1: 2 }),
    service('notifications', 'fulfilment', { v1: 2 }),
    service('users', 'shop', { v3: 3 }),
  ],
  edges: [
    edge('storefront.shop', 'catalog.shop', 210, 9),
    edge('storefront.shop', 'search.shop', 84, 22),
    edge('storefront.shop', 'cart.shop', 66, 7),
    edge('storefront.shop', 'recommendations.shop', 120, 31, { errors: 0.004 }),
    edge('storefront.shop', 'users.shop', 98, 4),
    edge('mobile.shop', 'catalog.shop', 96, 9),
    edge('mobile.shop', 'cart.shop', 41, 7),
    edge('mobile.shop', 'checkout.shop', 9, 88, { errors: 0.002 }),
    edge('mobile.shop', 'users.shop', 44, 4),
    edge('catalog.shop', 'reviews.shop', 260, 12),
    edge('catalog.shop', 'pricing.shop', 305, 3),
    edge('catalog.shop', 'inventory.fulfilment', 150, 6),
    edge('search.shop', 'catalog.shop', 30, 10),
    edge('reviews.shop', 'ratings.shop', 240, 3, { mtls: 0 }),
    edge('recommendations.shop', 'catalog.shop', 55, 9),
    edge('cart.shop', 'pricing.shop', 88, 3),
    edge('cart.shop', 'checkout.shop', 14, 92),
    edge('checkout.shop', 'payments.payments', 21, 46),
    edge('checkout.shop', 'shipping.fulfilment', 19, 130, { errors: 0.083 }),
    edge('checkout.shop', 'inventory.fulfilment', 22, 6),
    edge('payments.payments', 'fraud.payments', 21, 17),
    edge('payments.payments', 'ledger.payments', 21, 5),
    edge('payments.payments', 'api.cards.example', 21, 38, { mtls: 0 }),
    edge('shipping.fulfilment', 'notifications.fulfilment', 17, 8, { mtls: 0.6 }),
  ],
  /** How calls to a service are divided among its versions, and what a version changes. */
  versions: {
    'reviews.shop': { v1: { share: 0.9 }, v2: { share: 0.1, slower: 0.8 } },
    'payments.payments': { v2: { share: 0.75 }, v3: { share: 0.25, errors: 0.021 } },
    'inventory.fulfilment': { v1: { share: 0.5 }, v2: { share: 0.5, slower: 0.7 } },
  },
  refusals: {
    'payments.payments': {
      kind: 'request',
      peer: 'spiffe://cluster.local/ns/shop/sa/recommendations',
      method: 'POST',
      route: '/charges',
      status: 403,
      code: 'forbidden',
      rule: 'AuthorizationPolicy/payments/checkout-only',
      reason: 'no ALLOW rule matches',
    },
    'ledger.payments': {
      kind: 'connection',
      peer: '10.4.7.19',
      method: '',
      route: '',
      status: 0,
      code: 'tls_failed',
      rule: '',
      reason: 'plain text where PeerAuthentication/payments/default asks for STRICT',
    },
  },
};
