/** A self-signed certificate of localhost, valid until 2126; the key protects nothing but tests. */
export const testCertificate = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgYKcsTwYZepHZHO7m
IHawTRFbYkJVDwYDj1CRsOwVdq6hRANCAAT4Zzq8bsJxyw9R/W0rnAWDbw1rH5jy
+XMfyBHo094E0MuK38org2vdTCtzqGFd+ch5Vwjaf620J+IwU2wUbcXH
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUeWSgEo6hW+5GMJjozZ5MverGj0AwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzAzMjYzMloYDzIxMjYxMDMw
MDMyNjMyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAT4Zzq8bsJxyw9R/W0rnAWDbw1rH5jy+XMfyBHo094E0MuK38org2vd
TCtzqGFd+ch5Vwjaf620J+IwU2wUbcXHo28wbTAdBgNVHQ4EFgQUhkdYMtaXlwJ/
ekdltC1qfFB+/L4wHwYDVR0jBBgwFoAUhkdYMtaXlwJ/ekdltC1qfFB+/L4wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIgf/UkqhfbLiWCDXrBpEbZh1jc4USLv8QYEOurBgEc31cCIQCG
62N5xHYHQzmcnto72ummmheKyyHALrPIezuN6i9KKQ==
-----END CERTIFICATE-----`,
};
