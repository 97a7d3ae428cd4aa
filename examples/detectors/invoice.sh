curl --silent --show-error --fail-with-body --retry 5 --retry-connrefused --max-time 60 \
  --header "Authorization: Bearer $KEY" --header "Content-Type: application/json" "$URL/api/v1/evidence" --data '{
    "id": "invoice-7713", "account": "shenzhen-office", "kind": "card_country",
    "country": "CN", "observed_at": "2026-06-05T10:00:00Z"}'
