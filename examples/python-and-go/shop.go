// Buys in a shop: go run . URL. actors.go is written by "holdfast generate go --package main".
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"time"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client := NewClient(os.Args[1], Options{})
	shop, err := client.Shop.Create(ctx, Key{"go"}, map[string]any{"stock": 2})
	check(err)
	id, err := shop.Resolve(ctx)
	check(err)
	again, err := client.Shop.Get(Key{"go"}).Resolve(ctx)
	check(err)
	fmt.Println("id is stable", id == again)

	enough := errors.New("enough")
	heard := make(chan string, 1)
	go func() {
		_ = shop.OnSold(ctx, func(sold ShopSoldEvent) error {
			heard <- sold.Name
			return enough
		})
	}()
	bought, err := shop.Buy(ctx, ShopBuyArgument{Name: "lamp", Price: 9.5, Tags: []string{"new"}})
	check(err)
	fmt.Println("bought", bought.Receipt, "left", bought.Left)
	// What was sold before the first event was subscribed to is not heard: buys until one is.
	for waiting := true; waiting; {
		select {
		case name := <-heard:
			fmt.Println("heard", name != "")
			waiting = false
		case <-time.After(200 * time.Millisecond):
			_, err := shop.AdminRefill(ctx, 1)
			check(err)
			_, err = shop.Buy(ctx, ShopBuyArgument{Name: "chair", Price: 20})
			check(err)
		}
	}
	for left := int64(1); left > 0; {
		if left, err = shop.Stock(ctx); err == nil && left > 0 {
			_, err = shop.Buy(ctx, ShopBuyArgument{Name: "last", Price: 1})
		}
		check(err)
	}
	_, err = shop.Buy(ctx, ShopBuyArgument{Name: "none", Price: 1})
	var failed *Error
	if errors.As(err, &failed) {
		fmt.Println("error", failed.Group, failed.Code, failed.Message, failed.Metadata, failed.Status)
	}

	large := new(big.Int).Lsh(big.NewInt(1), 70)
	values, err := shop.Echo(ctx, large, []byte{0, 255}, []any{"$tag", 1}, nil, 1.5)
	check(err)
	list := values.([]any)
	same := list[0].(*big.Int).Cmp(large) == 0 && bytes.Equal(list[1].([]byte), []byte{0, 255})
	fmt.Println("values", same, list[2], list[3], list[4])

	sent, err := shop.SendOrdersAndWait(ctx, ShopOrdersMessage{Item: "table"}, 10*time.Second)
	check(err)
	fmt.Println("queue", sent.Status, sent.Response)
	response, err := shop.Request(ctx, "POST", "/hello", bytes.NewReader([]byte("body")))
	check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	check(err)
	fmt.Println("raw", string(text))
}

func check(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
